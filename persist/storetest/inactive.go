package storetest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// testInactive: whom the application has made inactive is nobody, until it makes them active
// again. It may have the column from the start or add it later.
func testInactive(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	ask := func(i int) room.Access {
		t.Helper()
		answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{{User: w.users[i].ID, Place: w.rooms[0]}})
		if err != nil {
			t.Fatal(err)
		}
		return answers[0]
	}
	id := w.users[0].ID.String()
	for _, c := range []struct {
		does   string
		active bool
	}{
		{`UPDATE users SET first_name = first_name`, true},
		{`ALTER TABLE users ADD COLUMN is_active boolean DEFAULT true`, true},
		{`UPDATE users SET is_active = false WHERE id = '` + id + `'`, false},
		{`UPDATE users SET is_active = NULL WHERE id = '` + id + `'`, false},
		{`UPDATE users SET is_active = true WHERE id = '` + id + `'`, true},
		{`UPDATE users SET is_active = false`, false},
		{`ALTER TABLE users DROP COLUMN is_active`, true},
	} {
		w.app(c.does)
		if a := ask(0); a.UserKnown != c.active || a.Inactive == c.active || a.Allowed != c.active || (a.Room.ID != uuid.Nil) != c.active {
			t.Errorf("after %s: %+v", c.does, a)
		}
	}
	if a := ask(1); !a.Allowed {
		t.Errorf("another user: %+v", a)
	}
}
