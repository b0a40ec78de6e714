package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A connection that is given up keeps its place in the pool while the driver asks the
// server to cancel, says goodbye and waits for the server's end: for 15 s where the
// network has swallowed it. A pool of few places would have none left for so long. So
// each of these steps gets cleanupTimeout.

// hasten makes a pool one whose connections leave soon.
func hasten(cfg *pgxpool.Config) {
	before := cfg.BeforeConnect
	cfg.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
		if before != nil {
			if err := before(ctx, cc); err != nil {
				return err
			}
		}
		var made atomic.Bool // what is dialed after it is for a request to cancel
		dial, after := cc.DialFunc, cc.AfterConnect
		cc.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			cancels := made.Load()
			if cancels {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, cleanupTimeout)
				defer cancel()
			}
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			if cancels {
				_ = conn.SetDeadline(time.Now().Add(cleanupTimeout)) // fails where it is closed
			}
			return &hastened{conn}, nil
		}
		cc.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
			made.Store(true)
			if after == nil {
				return nil
			}
			return after(ctx, conn)
		}
		return nil
	}
}

// hastened is a connection. A deadline that is not over yet is one that the driver sets
// for its end: no other use of the connection has one.
type hastened struct{ net.Conn }

// SetDeadline brings a late deadline forward.
func (c *hastened) SetDeadline(at time.Time) error {
	if latest := time.Now().Add(cleanupTimeout); at.After(latest) {
		at = latest
	}
	return c.Conn.SetDeadline(at)
}
