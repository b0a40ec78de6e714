package storetest

import (
	"testing"

	"github.com/google/uuid"
)

// testTryWrite: what is tried leaves the log as it is, and fails where messages would.
func testTryWrite(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	w.append(w.send(0, 0, "before"))
	for _, id := range []uuid.UUID{w.rooms[0], uuid.New()} {
		if err := w.store.TryWrite(w.ctx(), id); err != nil {
			t.Errorf("room %s: %v", id, err)
		}
	}
	if head, exists, err := w.store.Head(w.ctx(), w.rooms[0]); err != nil || !exists || head != 1 {
		t.Errorf("%d, %v, %v; want 1", head, exists, err)
	}
	w.append(w.send(0, 0, "after"))
	w.app("ALTER TABLE chat_rooms RENAME TO chat_rooms_gone")
	if err := w.store.TryWrite(w.ctx(), w.rooms[0]); err == nil {
		t.Error("a write succeeds where there is no table")
	}
}
