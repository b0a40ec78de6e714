package room_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestALaneThatRefusesIsToldOf: after 10 s of refusals newcomers are better off
// elsewhere, whether the store hangs or refuses, and whether anybody goes on sending.
func TestALaneThatRefusesIsToldOf(t *testing.T) {
	say := func(s *room.Service) {
		s.Submit(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: uuid.NewString()}, Room: roomA})
	}
	for _, fault := range []struct {
		name         string
		hangs, fails bool
	}{{"hangs", true, false}, {"refuses", false, true}} {
		for _, traffic := range []struct {
			name string
			goOn func(*room.Service)
		}{
			{"senders go on", say},
			{"one message, and silence", func(*room.Service) {}},
		} {
			t.Run(fault.name+", "+traffic.name, func(t *testing.T) {
				onMoody(t, 50, func(t *testing.T, m *moody, s *room.Service) {
					m.be(fault.hangs, fault.fails)
					pass(time.Minute)
					if s.Refusing() {
						t.Fatal("nobody sends anything, and it is refusing")
					}
					say(s)
					var after time.Duration
					for begun := time.Now(); !s.Refusing() && after < time.Minute; after = time.Since(begun) {
						pass(time.Second)
						traffic.goOn(s)
					}
					// A message waits for 5 s; then the 10 s begin.
					if after < 14*time.Second || after > 18*time.Second {
						t.Errorf("refusing after %v", after)
					}
					if st := s.Stats(); st.RefusingNow < 10*time.Second {
						t.Errorf("refusing for %v", st.RefusingNow)
					}
					m.be(false, false)
					pass(10 * time.Second)
					if s.Refusing() || s.Stats().RefusingNow != 0 {
						t.Error("the store takes writes again, and it is still refusing")
					}
				})
			})
		}
	}
}

// TestAShortOutageIsNoRefusal: what is stored in time, or soon after, is no reason to
// send newcomers away.
func TestAShortOutageIsNoRefusal(t *testing.T) {
	onMoody(t, 50, func(t *testing.T, m *moody, s *room.Service) {
		for range 5 {
			m.be(true, false)
			for range 12 {
				s.Submit(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: uuid.NewString()}})
				pass(time.Second)
				if s.Refusing() {
					t.Fatal("refusing in a short outage")
				}
			}
			m.be(false, false)
			pass(3 * time.Second)
		}
	})
}
