package room_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// TestNobodyIsShownLessOfANewPrimaryThanWasTold: who comes is shown what the new primary has, and would
// then hear what the room was told by the former one. The room is compared with the store first.
func TestNobodyIsShownLessOfANewPrimaryThanWasTold(t *testing.T) {
	for name, ask := range map[string]func(h *house, done func(*room.History, error)){
		"by a history": func(h *house, done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) },
		"by a resume": func(h *house, done func(*room.History, error)) {
			h.Resume(h.rooms[0].Told(), room.SinceQuery{User: uuid.New(), Since: 1}, nil, done)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := openPromoted(t, room.Config{})
			l := h.tell(t, 5)
			h.failOver(t, p, 2, 1)
			_, err := h.tryHistory(t, func(done func(*room.History, error)) { ask(h, done) })
			if !errors.Is(err, room.ErrSuperseded) && !l.isRewound() {
				t.Errorf("shown what the new primary has, though nobody knows yet that the room goes back: %v", err)
			}
			l.hears(t, 5)
			for !l.isRewound() {
				if _, err := h.tryHistory(t, func(done func(*room.History, error)) { ask(h, done) }); err == nil && !l.isRewound() {
					t.Fatal("shown all the same")
				}
			}
			if past, err := h.tryHistory(t, func(done func(*room.History, error)) { ask(h, done) }); err != nil || past.Seq != 3 {
				t.Errorf("once the room has begun anew: %+v, %v", past, err)
			}
		})
	}
}
