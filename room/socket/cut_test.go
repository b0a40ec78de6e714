package socket_test

import (
	"fmt"
	"testing"

	"github.com/caravan-chat/caravan/room/socket"
)

// TestLongHistoriesAreCut as short ones are, wherever that is done: what is large is not made by
// the loop.
func TestLongHistoriesAreCut(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in := s.fill(0, 0, 50, 5_000)
	ada := s.openUser(0)
	ada.subscribe(in) // and now it is in memory
	all := ada.hearHistory(in).Messages
	for _, limit := range []int{1, 6, 7, len(all) - 1, len(all), len(all) + 1} {
		ada.subscribe(fmt.Sprintf(`{"id":%q,"limit":%d}`, in, limit))
		got, want := ada.hearHistory(in).Messages, all[max(0, len(all)-limit):]
		if len(got) != len(want) || got[0].ID != want[0].ID || got[len(got)-1].ID != want[len(want)-1].ID {
			t.Errorf("limit %d: %d messages, want the last %d", limit, len(got), len(want))
		}
	}
	ada.quiet()
}
