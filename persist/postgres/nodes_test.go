package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestNodesFindOneAnother: those that live and whose heartbeats come back, and no others.
func TestNodesFindOneAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 0)
	me, other, cut, dead := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	up := map[uuid.UUID]time.Duration{me: 2 * time.Hour, other: 3 * time.Hour, cut: time.Hour, dead: time.Minute}
	finds := func(node uuid.UUID, carried bool, most int, want ...uuid.UUID) {
		t.Helper()
		all, err := f.NoteNode(t.Context(), room.Neighbour{ID: node, Name: "node " + node.String(), Up: up[node], Carried: carried}, time.Hour, most)
		var got []uuid.UUID
		for _, n := range all {
			got = append(got, n.ID)
			if n.Name != "node "+n.ID.String() || n.Up < up[n.ID] || n.Up > up[n.ID]+time.Hour || n.Carried != (n.ID != node || carried) {
				t.Errorf("%+v", n)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	finds(me, true, 9, me)
	finds(other, true, 9, other, me) // it has been running for longer
	finds(cut, false, 9, other, me, cut)
	finds(dead, true, 9, other, me, dead)
	finds(me, true, 9, other, me, dead)
	f.exec("UPDATE chat_nodes SET seen_at = seen_at - interval '2 hours' WHERE id = $1", dead)
	finds(me, true, 9, other, me)
	up[me] += 2 * time.Hour // as if its clock ran faster: the order stays
	finds(me, true, 9, other, me)
	finds(cut, true, 9, other, me, cut)
	finds(me, true, 9, other, me, cut)
	finds(me, true, 1, other)
	f.exec("UPDATE chat_nodes SET seen_at = seen_at - interval '2 hours' WHERE id = $1", me)
	finds(me, true, 9, other, me, cut) // it was away, and comes back
	old := uuid.New()
	f.exec("INSERT INTO chat_nodes (id, seen_at, carried) VALUES ($1, clock_timestamp(), true)", old) // a build before
	all, err := f.NoteNode(t.Context(), room.Neighbour{ID: cut, Up: time.Hour}, time.Hour, 9)
	if at := slices.IndexFunc(all, func(n room.Neighbour) bool { return n.ID == old }); err != nil || at != 3 || all[at].Up != 0 || all[at].Name != "" {
		t.Errorf("a node of a build before: %+v, %v", all, err)
	}
	if n := f.count("SELECT count(*) FROM chat_nodes"); n != 4 {
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
