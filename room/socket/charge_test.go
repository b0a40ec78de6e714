package socket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestEveryFrameIsCharged: each frame, and each entry, counts against what its user may ask
// for. A kind that is not in the table of this test fails it.
func TestEveryFrameIsCharged(t *testing.T) {
	t.Parallel()
	const burst = 1000
	var rates allowance.Rates
	for k := range rates {
		rates[k] = allowance.Rate{PerSecond: 0.001, Burst: burst} // nothing is made good while the test runs
	}
	s := serve(t, socket.Config{Allowances: allowance.New(rates)})
	spent := func(user int) (kinds []allowance.Kind) {
		may := s.allowances.Of(persist.FleetUser(user))
		defer may.Return()
		for k := range allowance.Kinds {
			if whole, _ := may.Take(k, burst, time.Now()); !whole {
				kinds = append(kinds, k)
			}
		}
		return kinds
	}
	entry, frame := []allowance.Kind{allowance.Reads, allowance.ReadBytes}, []allowance.Kind{allowance.Frames, allowance.FrameBytes}
	s.join(0, "")
	if got := spent(0); !slices.Equal(got, entry) {
		t.Errorf("an entry charges %v, want %v", got, entry)
	}
	s.join(1, "&since=0")
	if got := spent(1); !slices.Equal(got, entry) {
		t.Errorf("a resume charges %v, want %v", got, entry)
	}
	said := map[protocol.Kind]string{
		protocol.KindMessage: `{"type":"chat_message","content":"x"}`,
		protocol.KindEdit:    `{"type":"edit_message","message_id":"` + persist.FleetUser(0).String() + `","content":"x"}`,
		protocol.KindTyping:  `{"type":"typing","is_typing":true}`,
		protocol.KindPing:    `{"type":"ping"}`,
		protocol.KindRead:    `{"type":"mark_read","seq":0}`,
		protocol.KindWatch:   `{"type":"watch","reads":true}`,
		protocol.KindPin:     `{"type":"pin_message","message_id":"` + persist.FleetUser(0).String() + `","on":true}`,
		protocol.KindReact:   `{"type":"react","message_id":"` + persist.FleetUser(0).String() + `","emoji":"x","on":true}`,
		protocol.KindDelete:  `{"type":"delete_message","message_id":"` + persist.FleetUser(0).String() + `"}`,
		0:                    `{"type":"of a later release"}`,

		protocol.KindSubscribe:   `{"type":"subscribe","rooms":[{"id":"x"}]}`,
		protocol.KindUnsubscribe: `{"type":"unsubscribe","rooms":["x"]}`,
		protocol.KindAuth:        `{"type":"auth","token":"x"}`,
	}
	user := 2
	for kind := range protocol.Kind(255) {
		text, ok := said[kind]
		if !ok {
			if kind.Class() != 0 && kind != protocol.KindSummary && kind != protocol.KindPresence { // for which nobody can ask
				t.Errorf("nobody has said what %v counts as", kind)
			}
			continue
		}
		c, _ := s.join(user, "")
		before := s.net.Stats().MessagesIn
		c.send(text)
		await.Until(t, "the frame was looked at", func() bool { return s.net.Stats().MessagesIn > before })
		if got, want := spent(user), slices.Sorted(slices.Values(append(frame, entry...))); !slices.Equal(got, want) {
			t.Errorf("%s charges %v, want %v", text, got, want)
		}
		user++
	}
}
