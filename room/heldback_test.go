package room_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// heldConfig allows no read, and few refusals at once.
func heldConfig(perSecond float64, burst int) room.Config {
	var rates allowance.Rates
	rates[allowance.Reads] = allowance.Rate{PerSecond: 0.0001, Burst: 1}
	rates[allowance.Refusals] = allowance.Rate{PerSecond: perSecond, Burst: burst}
	return room.Config{Allowances: allowance.New(rates)}
}

// doors counts how often clients were refused.
type doors struct {
	mu      sync.Mutex
	let     int
	refused int
}

// enter has a user come; again is called once the client was refused.
func (d *doors) enter(s *room.Service, user int, again func()) {
	s.Enter(room.EnterRequest{Bearer: persist.FleetUser(user).String(), Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		switch {
		case err == nil:
			d.let++
		case errors.Is(err, room.ErrRateLimited):
			d.refused++
			if again != nil {
				go again()
			}
		}
	})
}

func (d *doors) told() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.let + d.refused
}

// TestWhoConnectsOverTheRateIsRefusedLater: some clients of a user come again as soon as they
// are refused. The first refusals come at once; then the clients wait for them. Another
// user is let in meanwhile.
func TestWhoConnectsOverTheRateIsRefusedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, burst, seconds = 30, 100, 20
		s := room.New(newMemory(), believing{}, nil, heldConfig(20, burst))
		var d doors
		over := time.Now().Add(seconds * time.Second)
		var come func()
		come = func() {
			if time.Now().Before(over) {
				d.enter(s, 0, come)
			}
		}
		for range clients {
			come()
		}
		pass(seconds * time.Second)
		if n, most := d.told(), burst+20*seconds+clients+1; n < burst || n > most {
			t.Errorf("%d refusals in %d s, at most %d may be", n, seconds, most)
		}
		if st := s.Stats(); st.HeldBackNow == 0 || st.HeldBackNow > clients {
			t.Errorf("%d are held back", st.HeldBackNow)
		}
		var other doors
		other.enter(s, 1, nil)
		pass(time.Second)
		if other.let != 1 {
			t.Error("another user waits")
		}
		pass(10 * time.Second)
		if st := s.Stats(); st.HeldBackNow != 0 {
			t.Errorf("%d are held back for ever", st.HeldBackNow)
		}
		s.Close()
	})
}

// TestFewRefusalsAreHeldBack: what is more than may wait is told at once, and each is told
// once, also where the service ends.
func TestFewRefusalsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst, perUser, users = 1, 512, 10
		s := room.New(newMemory(), believing{}, nil, heldConfig(0.01, burst))
		var d doors
		for user := range users {
			for range perUser + 100 {
				d.enter(s, user, nil)
			}
		}
		pass(100 * time.Millisecond)
		if st := s.Stats(); st.HeldBackNow != 8*perUser {
			t.Errorf("%d are held back, want %d", st.HeldBackNow, 8*perUser)
		}
		if n := d.told(); n != users*(perUser+100)-8*perUser {
			t.Errorf("%d are told at once", n)
		}
		s.Close()
		if n := d.told(); n != users*(perUser+100) || s.Stats().HeldBackNow != 0 {
			t.Errorf("%d are told in the end", n)
		}
	})
}
