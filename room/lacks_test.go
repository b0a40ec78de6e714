package room_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
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

// TestWhoWasShownMoreHearsNothingOfANewPrimaryBefore: what the new primary has up to the place that somebody
// was shown does not fit into one read. Only the last of them tells that it has another history.
func TestWhoWasShownMoreHearsNothingOfANewPrimaryBefore(t *testing.T) {
	h, p := openPromoted(t, room.Config{HistoryMessages: 2, HistoryBytes: 1})
	l := h.tell(t, 2)
	for range 6 {
		h.elsewhere(t, h.message(3, "nobody is told"))
	}
	past := history(t, func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) })
	if past.Seq != 8 {
		t.Fatalf("shown up to %d", past.Seq)
	}
	h.failOver(t, p, 2, 8)
	await.Until(t, "the listener is told", l.isRewound)
	if n := len(l.hears(t, 2)); n != 2 {
		t.Errorf("told %d events of the new primary first", n-2)
	}
}

// TestWhoHasMoreToFetchIsSetBack: the answer to since holds a part of what changed, and events follow from the
// room's number on. Another primary takes over that has the part, and lacks the number.
func TestWhoHasMoreToFetchIsSetBack(t *testing.T) {
	for _, more := range []int{0, 3, 4} {
		t.Run(fmt.Sprint(more, " of the new primary"), func(t *testing.T) {
			t.Parallel()
			h, p := openPromoted(t, room.Config{HistoryBytes: 1})
			l := h.tell(t, 2)
			for range 3 {
				h.elsewhere(t, h.message(3, "nobody is told"))
			}
			if past := h.resume(t, 1, uuid.Nil); past.Seq != 5 || !strings.Contains(string(past.Frame), `"has_more":true`) {
				t.Fatalf("shown up to %d: %s", past.Seq, past.Frame)
			}
			h.failOver(t, p, 2, more)
			await.Until(t, "the listener is told", l.isRewound)
			if n := len(l.hears(t, 2)); n != 2 {
				t.Errorf("told %d events of the new primary first", n-2)
			}
		})
	}
}
