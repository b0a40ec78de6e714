package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A former primary that is left alone looks sound to whoever is connected to it. So
// where the URL names several servers, each is asked every second what it is, over a
// connection that is kept for it: one on a greater timeline is the primary.

const (
	surveyEvery   = time.Second
	surveyTimeout = 2 * time.Second // for a server to be reached, and to answer
)

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
	tick := time.NewTicker(surveyEvery)
	defer tick.Stop()
	var conn *pgconn.PgConn
	for ctx.Err() == nil {
		conn = p.askAgain(ctx, cfg, conn)
		asked()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	if conn != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), surveyTimeout)
		defer cancel()
		_ = conn.Close(ctx)
	}
}

// askAgain asks a server over a connection, nil: a new one, and returns what can be used
// the next time.
func (p *primary) askAgain(ctx context.Context, cfg *pgconn.Config, conn *pgconn.PgConn) *pgconn.PgConn {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var err error
	if conn == nil {
		if conn, err = pgconn.ConnectConfig(ctx, cfg); err != nil {
			return nil
		}
	}
	is, err := p.ask(ctx, conn)
	if err != nil {
		_ = conn.Close(ctx)
		return nil
	}
	_ = p.meet(&is) // a standby, or the former primary, is asked all the same
	return conn
}

// eachServer divides a configuration into those of its servers, to be asked only. One
// that is to be tried with and without TLS is one server.
func eachServer(cfg *pgx.ConnConfig) (each []*pgconn.Config) {
	at := make(map[string]*pgconn.Config)
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for _, one := range all {
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
