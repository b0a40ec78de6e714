package socket_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

func TestConnectionsOfAUserShareWhatTheUserMayAsk(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{
		Limits:     socket.Limits{Frames: allowance.Rate{PerSecond: 0.001, Burst: 100}},
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

// A user's connections share what is refused as well: a hundred of them that all flood get
// no more refusals than one or two.
func TestConnectionsOfAUserShareRefusals(t *testing.T) {
	t.Parallel()
	const devices, frames, refusals = 8, 30, 10
	s := serve(t, socket.Config{
		Limits: socket.Limits{Frames: allowance.Rate{PerSecond: 1000, Burst: frames}},
		Allowances: allowance.New(allowance.Rates{
			allowance.Frames:   {PerSecond: 200, Burst: 20},
			allowance.Refusals: {PerSecond: 0.001, Burst: refusals},
		}),
	})
	var all []*client
	for range devices {
		c, _ := s.join(0, "")
		all = append(all, c)
	}
	for _, c := range all {
		var flood bytes.Buffer
		for i := range frames {
			if err := wsutil.WriteClientText(&flood, fmt.Appendf(nil, `{"type":"ping","client_id":"c%d"}`, i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := flood.WriteTo(c.conn); err != nil {
			t.Fatal(err)
		}
	}
	limited := 0
	for _, c := range all {
		for range frames {
			if f := c.next(); f.Code == "rate_limited" {
				limited++
			}
		}
	}
	if limited == 0 || limited > refusals+devices { // one more each where loops count at the same time
		t.Errorf("%d of %d frames were refused", limited, devices*frames)
	}
}
