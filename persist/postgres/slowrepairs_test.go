package postgres

import (
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestSlowReactionsKeepNobodyOut has all who ask for reactions wait for a table that somebody
// locks. Who may enter is answered meanwhile, and what one user asks to read waits elsewhere.
func TestSlowReactionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	url, err := url.Parse(migrated.Postgres(t, pgserver.Shared(t)))
	if err != nil {
		t.Fatal(err)
	}
	query := url.Query()
	query.Set("lock_timeout", "1min")                     // so that none ends before the test
	query.Set("idle_in_transaction_session_timeout", "0") // nor the lock
	url.RawQuery = query.Encode()
	f := newFleet(t, Config{URL: url.String()}, 1)
	conn, err := f.writers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE chat_reactions, chat_summaries_due IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	question := room.OwnQuestion{User: f.user.ID, Messages: []uuid.UUID{uuid.New()}}
	const users = 2 * ReadersDefault
	var running sync.WaitGroup
	for _, ask := range []func() error{
		func() error { _, err := f.OwnReactions(t.Context(), []room.OwnQuestion{question}); return err },
		func() error { _, err := f.DueSummaries(t.Context(), 0, 10); return err },
		func() error { _, err := f.MyReactions(t.Context(), question); return err },
	} {
		for range users {
			running.Go(func() {
				if err := ask(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	await.Until(t, "they wait for the lock", func() bool {
		var waiting int
		err := f.probe.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IN ('chat_reactions'::regclass, 'chat_summaries_due'::regclass)").Scan(&waiting)
		return err == nil && waiting >= ReadersDefault-1+BulkDefault
	})
	for range 20 {
		if _, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}}); err != nil {
			t.Errorf("access: %v", err)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	running.Wait()
}

// TestSlowRepairsKeepNobodyOut has all repairs wait for a table of the log that somebody
// locks. Who may enter is answered meanwhile, and first histories are read.
func TestSlowRepairsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	url, err := url.Parse(migrated.Postgres(t, pgserver.Shared(t)))
	if err != nil {
		t.Fatal(err)
	}
	query := url.Query()
	query.Set("lock_timeout", "1min")                     // so that none ends before the test
	query.Set("idle_in_transaction_session_timeout", "0") // nor the lock
	url.RawQuery = query.Encode()
	f := newFleet(t, Config{URL: url.String()}, 1)
	limit := room.Limit{Messages: 10}
	page, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, limit)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := f.bulk.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE chat_events IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	const repairs = 4 // as many as a node does at once
	var ended atomic.Int32
	var running sync.WaitGroup
	for range repairs {
		running.Go(func() {
			if _, err := f.Walk(t.Context(), room.WalkQuery{Room: f.rooms[0], Limit: limit}); err != nil {
				t.Error(err)
			}
			ended.Add(1)
		})
	}
	await.Until(t, "repairs wait for the lock", func() bool {
		var waiting int
		err := f.probe.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'chat_events'::regclass").Scan(&waiting)
		return err == nil && waiting >= 2
	})
	for range 20 {
		if got, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: page.Rooms[0].TripID}}); err != nil || !got[0].Allowed {
			t.Errorf("access: %+v, %v", got, err)
		}
		if _, err := f.Latest(t.Context(), f.rooms, limit); err != nil {
			t.Errorf("latest: %v", err)
		}
	}
	if n := ended.Load(); n > 0 {
		t.Errorf("%d repairs had to end before", n)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	running.Wait()
}
