package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestNodesFindOneAnother: those that live and whose heartbeats come back, and no others.
func TestNodesFindOneAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: pgserver.Shared(t).Database(t)}, 0)
	me, other, cut, dead := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	finds := func(node uuid.UUID, carried bool, most int, want ...uuid.UUID) {
		t.Helper()
		got, err := f.NoteNode(t.Context(), node, carried, time.Hour, most)
		order := func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	finds(me, true, 9)
	finds(other, true, 9, me)
	finds(cut, false, 9, me, other)
	finds(dead, true, 9, me, other)
	finds(me, true, 9, other, dead)
	f.exec("UPDATE chat_nodes SET seen_at = seen_at - interval '2 hours' WHERE id = $1", dead)
	finds(me, true, 9, other)
	finds(cut, true, 9, me, other)
	finds(me, true, 9, other, cut)
	finds(me, true, 0)
	if n := f.count("SELECT count(*) FROM chat_nodes"); n != 3 {
		t.Errorf("%d nodes are kept", n)
	}
	if n := f.count("SELECT count(*) FROM pg_class WHERE relname = 'chat_nodes' AND relpersistence = 'u'"); n != 1 {
		t.Error("noting a node waits for the log, and for standbys")
	}
}

func (f *fleet) count(sql string) (n int) {
	f.t.Helper()
	if err := f.readers.QueryRow(f.t.Context(), sql).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}
