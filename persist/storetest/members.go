package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testMembers: the collaborators of the room's trip, in pages, each once, with their role.
func testMembers(t *testing.T, open Open) {
	const users = 6
	w := newWorld(t, open, users, 2)
	ids := w.ids()
	must := func(limit int, want ...uuid.UUID) {
		t.Helper()
		want = slices.Clone(want)
		slices.SortFunc(want, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		q := room.MembersQuery{Room: w.rooms[0], Limit: limit}
		var got []uuid.UUID
		for more := true; more; {
			p, err := w.store.Members(w.ctx(), q)
			if err != nil || len(p.Members) > limit || p.HasMore && len(p.Members) != limit {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, m := range p.Members {
				if i := slices.IndexFunc(w.users, func(x protocol.User) bool { return x.ID == m.User.ID }); i < 0 || w.users[i] != m.User || m.Role == "" || !m.LastSeen.IsZero() {
					t.Errorf("member %+v", m)
				}
				got = append(got, m.User.ID)
				q.After = m.User.ID
			}
			more = p.HasMore
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	for _, limit := range []int{1, 2, 5, 6, 50} {
		must(limit, ids...)
	}
	w.remove(2)
	ids = slices.Delete(ids, 2, 3)
	must(2, ids...)
	for _, q := range []string{ // an application's table may bar neither rows that are there twice nor users that are not
		"CREATE TABLE adopted AS SELECT trip_id, user_id, role FROM collaborators",
		"DROP TABLE collaborators",
		"ALTER TABLE adopted RENAME TO collaborators",
	} {
		w.app(q)
	}
	w.bringBack(0, 0)
	w.app(fmt.Sprintf("INSERT INTO collaborators (trip_id, user_id, role) SELECT trip_id, '%s', 'member' FROM chat_rooms", uuid.New()))
	w.app("ALTER TABLE users ADD COLUMN is_active boolean DEFAULT true")
	for _, limit := range []int{1, 2, 50} {
		must(limit, ids...)
	}
	for _, state := range []string{"false", "NULL"} { // inactive ones fill no page
		w.app(fmt.Sprintf("UPDATE users SET is_active = %s WHERE id IN ('%s', '%s', '%s')", state, ids[0], ids[1], ids[3]))
		for _, limit := range []int{1, 2, 50} {
			must(limit, ids[2], ids[4])
		}
	}
	w.app("UPDATE users SET is_active = true")
	must(2, ids...)
	p, err := w.store.Members(w.ctx(), room.MembersQuery{Room: uuid.New(), Limit: 50})
	if err != nil || len(p.Members) != 0 || p.HasMore {
		t.Errorf("of a room that is not there: %+v, %v", p, err)
	}
}

// testSeen: the latest time counts, in whatever order they are stored.
func testSeen(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 123_456_000, time.UTC)
	note := func(seen ...room.Seen) {
		t.Helper()
		slices.SortFunc(seen, func(a, b room.Seen) int { return bytes.Compare(a.User[:], b.User[:]) })
		if err := w.store.NoteSeen(w.ctx(), seen); err != nil {
			t.Fatal(err)
		}
	}
	must := func(want ...time.Time) {
		t.Helper()
		p, err := w.store.Members(w.ctx(), room.MembersQuery{Room: w.rooms[0], Limit: 50})
		if err != nil || len(p.Members) != len(want) {
			t.Fatalf("%+v, %v", p, err)
		}
		for _, m := range p.Members {
			i := slices.IndexFunc(w.users, func(u protocol.User) bool { return u.ID == m.User.ID })
			if !m.LastSeen.Equal(want[i]) {
				t.Errorf("user %d was seen at %v, want %v", i, m.LastSeen, want[i])
			}
		}
	}
	ids := w.ids()
	must(time.Time{}, time.Time{}, time.Time{})
	note()
	note(room.Seen{User: ids[0], At: at}, room.Seen{User: ids[1], At: at})
	must(at, at, time.Time{})
	later := at.Add(time.Hour)
	note(room.Seen{User: ids[0], At: later}, room.Seen{User: ids[1], At: at.Add(-time.Hour)}, room.Seen{User: uuid.New(), At: at})
	must(later, at, time.Time{})
	var many []room.Seen
	for range 1_000 {
		many = append(many, room.Seen{User: uuid.New(), At: at})
	}
	note(append(many, room.Seen{User: ids[2], At: at})...)
	must(later, at, at)
}
