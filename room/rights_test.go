package room_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/room"
)

// unheard is a backplane whose notices do not arrive while it says so.
type unheard struct {
	silent
	is atomic.Bool
}

func (u *unheard) Healthy() bool { return !u.is.Load() }

// unwritten is a store where nobody's rights were written.
type unwritten struct{ room.Store }

func (unwritten) RightsSince(context.Context, room.Moment) (room.Rights, error) {
	return room.Rights{Until: "now"}, nil
}

// TestAllAreAskedAboutWhileNoticesMayNotArrive: nothing else tells them how far they have read on other nodes.
func TestAllAreAskedAboutWhileNoticesMayNotArrive(t *testing.T) {
	t.Parallel()
	plane := &unheard{}
	h := openWith(t, room.Config{Lanes: 1}, plane, func(s room.Store) room.Store { return unwritten{s} })
	for _, down := range []bool{false, true, false} {
		plane.is.Store(down)
		if got := h.RightsSince(t.Context(), "before"); got.All != down || got.Until != "now" {
			t.Errorf("notices do not arrive: %v, got %+v", down, got)
		}
	}
}
