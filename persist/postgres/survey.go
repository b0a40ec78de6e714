package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caravan-chat/caravan/room"
)

// A former primary that is left alone looks sound to whoever is connected to it. So
// where the URL names several servers, each is asked every second what it is, over a
// connection that is kept for it: one on a greater timeline is the primary.

const (
	surveyEvery   = time.Second
	surveyTimeout = 2 * time.Second // for a server to be reached, and to answer

	// surveyRefusedMax is the longest pause before a server is asked again that answered and
	// refused, as a standby without hot_standby does: it logs each time.
	surveyRefusedMax = 5 * time.Second
)

// lead is the server of the URL that was found to be the primary.
type lead struct {
	address  string
	timeline room.Timeline
}

// surveys asks all servers of the URL once, and then again and again until close.
func (p *primary) surveys(cfg *pgx.ConnConfig) {
	each := eachServer(cfg)
	if len(each) < 2 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	var first sync.WaitGroup
	for _, cfg := range each {
		first.Add(1)
		asked := sync.OnceFunc(first.Done)
		p.survey.Go(func() { p.keepAsking(ctx, cfg, asked) })
	}
	first.Wait() // not longer than surveyTimeout
}

func (p *primary) close() {
	if p.stop != nil {
		p.stop()
	}
	p.survey.Wait()
}

// keepAsking asks one server until ctx ends, and calls asked after each time. What is
// wrong with a server is told when it is to be used.
func (p *primary) keepAsking(ctx context.Context, cfg *pgconn.Config, asked func()) {
	var conn *pgconn.PgConn
	_, address := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	for pause := surveyEvery; ctx.Err() == nil; {
		begun := time.Now()
		is, err := p.askAgain(ctx, cfg, &conn)
		p.found(address, is, err)
		asked()
		pause = nextPause(pause, err)
		select {
		case <-time.After(pause - time.Since(begun)):
		case <-ctx.Done():
		}
	}
	if conn != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), surveyTimeout)
		defer cancel()
		_ = conn.Close(ctx)
	}
}

// nextPause is how long to wait after an answer: longer after each refusal, in a server's words.
func nextPause(pause time.Duration, err error) time.Duration {
	if refused := new(pgconn.PgError); errors.As(err, &refused) {
		return min(2*pause, surveyRefusedMax)
	}
	return surveyEvery
}

// askAgain asks a server over a connection, nil: a new one, which it makes nil where it
// cannot be used the next time. The error says why the server is not the primary.
func (p *primary) askAgain(ctx context.Context, cfg *pgconn.Config, conn **pgconn.PgConn) (is identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	if *conn == nil {
		if *conn, err = pgconn.ConnectConfig(ctx, cfg); err != nil {
			*conn = nil
			return is, err
		}
	}
	if is, err = p.ask(ctx, *conn); err != nil {
		_ = (*conn).Close(ctx)
		*conn = nil
		return is, err
	}
	return is, p.meet(&is) // a standby, or the former primary, is asked all the same
}

// found takes note of what became of asking a server: new connections try the primary first. Another
// server may be frozen, and each attempt there would last as long as one may. Where no timelines are
// known the order of the URL decides, alike on all nodes.
func (p *primary) found(address string, is identity, err error) {
	first := p.first.Load()
	switch {
	case err != nil || is.timeline == 0:
		if first != nil && first.address == address {
			p.first.CompareAndSwap(first, nil)
		}
	case first == nil || first.timeline < is.timeline:
		p.first.CompareAndSwap(first, &lead{address, is.timeline})
	}
}

// order puts the primary, where it is known, before the other servers.
func (p *primary) order(cfg *pgx.ConnConfig) {
	first := p.first.Load()
	if first == nil {
		return
	}
	var before, after []*pgconn.FallbackConfig
	for _, one := range serversOf(cfg) {
		if _, address := pgconn.NetworkAddress(one.Host, one.Port); address == first.address {
			before = append(before, one)
		} else {
			after = append(after, one)
		}
	}
	if all := append(before, after...); len(before) > 0 {
		cfg.Host, cfg.Port, cfg.TLSConfig, cfg.Fallbacks = all[0].Host, all[0].Port, all[0].TLSConfig, all[1:]
	}
}

// serversOf returns all servers of a configuration, in its order.
func serversOf(cfg *pgx.ConnConfig) []*pgconn.FallbackConfig {
	return append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
}

// eachServer divides a configuration into those of its servers, to be asked only. One
// that is to be tried with and without TLS is one server.
func eachServer(cfg *pgx.ConnConfig) (each []*pgconn.Config) {
	at := make(map[string]*pgconn.Config)
	for _, one := range serversOf(cfg) {
		_, address := pgconn.NetworkAddress(one.Host, one.Port)
		if known := at[address]; known != nil {
			known.Fallbacks = append(known.Fallbacks, one)
			continue
		}
		alone := cfg.Config.Copy()
		alone.Host, alone.Port, alone.TLSConfig, alone.Fallbacks, alone.ValidateConnect = one.Host, one.Port, one.TLSConfig, nil, nil
		at[address] = alone
		each = append(each, alone)
	}
	return each
}
