package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A former primary that is left alone looks sound to whoever is connected to it. So
// where the URL names several servers, all of them are looked at every now and then: one
// on a greater timeline is the primary.

const (
	surveyEvery   = 5 * time.Second
	surveyTimeout = 2 * time.Second
)

// surveys looks at all servers of the URL once, and then again and again until close.
func (p *primary) surveys(cfg *pgx.ConnConfig) {
	each := eachServer(cfg)
	if len(each) < 2 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.look(ctx, each)
	p.survey.Go(func() {
		tick := time.NewTicker(surveyEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.look(ctx, each)
			case <-ctx.Done():
				return
			}
		}
	})
}

func (p *primary) close() {
	if p.stop != nil {
		p.stop()
	}
	p.survey.Wait()
}

// look meets all servers that can be reached in time.
func (p *primary) look(ctx context.Context, each []*pgx.ConnConfig) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var looks sync.WaitGroup
	for _, cfg := range each {
		looks.Go(func() {
			conn, err := pgx.ConnectConfig(ctx, cfg)
			if err != nil { // what is wrong with it is told when it is to be used
				p.log.Debug("a server of the URL cannot be used", "host", cfg.Host, "port", cfg.Port, "error", err)
				return
			}
			_ = conn.Close(ctx)
		})
	}
	looks.Wait()
}

// eachServer divides a configuration into those of its servers. One that is to be tried
// with and without TLS is one server.
func eachServer(cfg *pgx.ConnConfig) (each []*pgx.ConnConfig) {
	at := make(map[string]*pgx.ConnConfig)
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for _, one := range all {
		_, address := pgconn.NetworkAddress(one.Host, one.Port)
		if known := at[address]; known != nil {
			known.Fallbacks = append(known.Fallbacks, one)
			continue
		}
		alone := cfg.Copy()
		alone.Host, alone.Port, alone.TLSConfig, alone.Fallbacks = one.Host, one.Port, one.TLSConfig, nil
		at[address] = alone
		each = append(each, alone)
	}
	return each
}
