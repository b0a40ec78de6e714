package socket_test

import (
	"fmt"
	"testing"

	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

func TestConnectionsOfAUserShareWhatTheUserMayAsk(t *testing.T) {
	s := serve(t, socket.Config{
		Frames:     allowance.Rate{PerSecond: 0.001, Burst: 100},
		Allowances: allowance.New(allowance.Rates{allowance.Frames: {PerSecond: 0.001, Burst: 6}}),
	})
	limited := 0
	for device := range 3 {
		c, _ := s.join(0, "")
		for i := range 4 {
			c.send(fmt.Sprintf(`{"type":"ping","client_id":"%d/%d"}`, device, i))
			if f := c.next(); f.Code == "rate_limited" {
				limited++
			}
		}
		_ = c.conn.Close() // coming anew is no way to a new allowance
	}
	if limited != 6 {
		t.Errorf("%d of 12 frames were refused, want 6", limited)
	}
	other, _ := s.join(3, "")
	other.send(`{"type":"ping"}`)
	if f := other.next(); f.Type != "pong" {
		t.Errorf("another user got %+v", f)
	}
}
