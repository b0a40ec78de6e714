package socket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestLimitsChangeForThoseWhoAreConnected: nobody is sent away, and who was counted while there
// was no limit counts.
func TestLimitsChangeForThoseWhoAreConnected(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	member, _ := s.join(0, "")
	asks := func(want string) {
		t.Helper()
		member.send(`{"type":"ping"}`)
		if f := member.next(); f.Type != want {
			t.Fatalf("a ping was answered %+v, want %s", f, want)
		}
	}
	asks("pong")
	s.handler.SetLimits(socket.Limits{PerUser: 1, Frames: allowance.Rate{PerSecond: 0.001, Burst: 1}})
	asks("pong") // the whole of its burst
	asks("error")
	second, err := s.open(fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), time.Hour)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if code := second.closeCode(); code != 1013 {
		t.Errorf("over the limit of connections: %d", code)
	}
	s.handler.SetLimits(socket.Limits{})
	asks("pong")
	s.join(0, "")
}
