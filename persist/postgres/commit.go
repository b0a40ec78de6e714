package postgres

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A COMMIT that waits for a synchronous standby is on the server's own disk already.
// A cancel request, the end of the session or a crash ends that wait early. Then the
// rows are there for all to see, and a failover may still lose them. Three rules keep
// them from being told (ADR 9):
//
//   - A writer sends no cancel request once COMMIT may be under way.
//   - The answer to a wait that was ended early counts as no answer.
//   - What was found out in another way than by the answer counts behind a barrier only.

// barrier is a commit that changes nothing. It comes after all that its session can
// see. So the standbys have all that, too, when it is answered. It must write to the
// log: a transaction that has only a number waits for nobody.
const barrier = `SELECT pg_logical_emit_message(true, 'caravan', '')`

// waitsForStandbys is the function in the server whose warning says that a commit is
// local only. The words of the warning are in the server's language, and its code is
// that of any warning: only the function tells.
const waitsForStandbys = "SyncRepWaitForLSN"

var (
	errCommitting = errors.New("a commit is under way: nothing is canceled")
	errLocalOnly  = errors.New("the wait for the standbys was ended: committed on this server only")
)

// commitWatch belongs to one connection, and is kept in its CustomData.
type commitWatch struct {
	underWay  atomic.Bool // COMMIT may have been sent and is not answered
	localOnly atomic.Bool // the server has warned since the last verdict
}

// watch is the commitWatch's name in CustomData.
const watch = "commit watch"

// watchCommits makes a pool one for writers: its connections have a commitWatch,
// and begin behind a barrier, so that nothing is built on what a crash left without
// its standbys, and no commit is begun where none can end.
func watchCommits(cfg *pgxpool.Config) {
	cfg.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
		w := &commitWatch{}
		dial := cc.DialFunc
		cc.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if w.underWay.Load() { // pgconn dials to cancel what a connection did that breaks
				return nil, errCommitting
			}
			return dial(ctx, network, addr)
		}
		cc.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
			if n.Routine == waitsForStandbys {
				w.localOnly.Store(true)
			}
		}
		cc.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
			conn.CustomData()[watch] = w
			return nil
		}
		return nil
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, cfg.ConnConfig.ConnectTimeout)
		defer cancel()
		return passBarrier(ctx, conn)
	}
}

// passBarrier returns nil when the standbys have all that the connection could see.
func passBarrier(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, barrier)
	return watchOf(conn).verdict(err)
}

// passBarrier is that of the present primary: a former one's does not count.
func (s *Store) passBarrier(ctx context.Context, conn *pgx.Conn) error {
	if err := passBarrier(ctx, conn); err != nil {
		return err
	}
	return s.primary.superseded(identityOf(conn))
}

// committing does the round trip that ends with COMMIT.
func committing(conn *pgx.Conn, send func() error) error {
	w := watchOf(conn)
	w.underWay.Store(true)
	err := send()
	if err == nil || definite(err) {
		w.underWay.Store(false)
	}
	return w.verdict(err)
}

// verdict is err, or errLocalOnly where the answer is good but for a warning.
func (w *commitWatch) verdict(err error) error {
	if w.localOnly.Swap(false) && err == nil {
		return errLocalOnly
	}
	return err
}

func watchOf(conn *pgx.Conn) *commitWatch {
	return conn.PgConn().CustomData()[watch].(*commitWatch)
}
