package socket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestHistoriesAreCountedInBytes: whoever had too many comes again later, with or
// without a number to resume from.
func TestHistoriesAreCountedInBytes(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "&since=0"} {
		rates := allowance.New(allowance.Rates{allowance.ReadBytes: {PerSecond: 0.001, Burst: 1}})
		s := serve(t, socket.Config{Allowances: rates})
		s.join(0, query)
		c, err := s.open(fmt.Sprintf("/ws/chat/%s/?token=%s%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), time.Hour), query), nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := c.closeCode(); code != 1013 {
			t.Errorf("%q: closed with %d", query, code)
		}
		s.join(3, query) // another user
	}
}
