package room_test

import (
	"context"
	"testing"

	"github.com/caravan-chat/caravan/room"
)

// A poll that ends before anything was read must not claim that the caller has
// seen what it was not shown.
func TestWaitThatEndsBeforeItReadsSkipsNothing(t *testing.T) {
	h := open(t, room.Config{})
	in := h.rooms[0]
	h.send(t, 0, "never shown")
	in.Seq = 1 // as the room stood when the caller was let in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for since, want := range map[int64]int64{0: 0, 1: 1, 7: 1} {
		p, err := h.Wait(ctx, in, room.SinceQuery{Room: in.ID, Since: since, Limit: 50})
		if err != nil || (len(p.Messages) == 0 && p.Seq != want) {
			t.Errorf("since %d: %+v, %v; want number %d", since, p, err, want)
		}
	}
}
