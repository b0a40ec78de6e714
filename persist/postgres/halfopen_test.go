package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestHalfOpenConnectionsAreLeftSoon: the network swallows what all connections say, and
// new ones would do. A pool must not keep the places of those that it gave up.
func TestHalfOpenConnectionsAreLeftSoon(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	proxy, proxied := startFaultProxy(t, f.url)
	s, err := Open(t.Context(), Config{URL: proxied, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for name, use := range map[string]struct {
		pool *pgxpool.Pool
		ask  func(context.Context) error
	}{
		"rights": {s.readers, func(ctx context.Context) error {
			_, err := s.Access(ctx, []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}})
			return err
		}},
		"page": {s.bulk, func(ctx context.Context) error {
			_, err := s.Before(ctx, f.rooms[0], 1, room.Limit{Messages: 1})
			return err
		}},
		"write": {s.writers, func(ctx context.Context) error { return s.TryWrite(ctx, f.rooms[0]) }},
		"ping":  {s.probe, s.Ping},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
			defer cancel()
			var all []*pgxpool.Conn
			for range use.pool.Config().MaxConns {
				conn, err := use.pool.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, conn)
			}
			for _, conn := range all {
				conn.Release()
			}
			proxy.swallow()
			failed := 0
			for begun := time.Now(); ; failed++ {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err := use.ask(ctx)
				cancel()
				if err == nil {
					break
				}
				if failed > 9 { // with 15 s for each connection there are 15
					t.Fatalf("no answer after %d calls, in %v: %v", failed, time.Since(begun), err)
				}
			}
			t.Logf("%d of %d connections had to be asked", failed, use.pool.Config().MaxConns)
		})
	}
}

// TestOneHalfOpenConnectionTellsOfTheOthers: a call that meets several idle ones after
// another would be at its end before it had one that answers.
func TestOneHalfOpenConnectionTellsOfTheOthers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	proxy, proxied := startFaultProxy(t, f.url)
	const readers = 8
	s, err := Open(t.Context(), Config{URL: proxied, Readers: readers, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var all []*pgxpool.Conn
	for range readers {
		conn, err := s.readers.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		identityOf(conn.Conn()).checked = time.Time{} // as if it had been idle for long
		all = append(all, conn)
	}
	for _, conn := range all {
		conn.Release()
	}
	proxy.swallow()
	ctx, cancel := context.WithTimeout(t.Context(), (readers-1)*checkTimeout)
	defer cancel()
	if _, err := s.Access(ctx, []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}}); err != nil {
		t.Error(err)
	}
}
