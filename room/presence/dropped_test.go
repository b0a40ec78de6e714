package presence

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestWhatIsDroppedIsSaidAgain: soon, and not when a number is missed.
func TestWhatIsDroppedIsSaidAgain(t *testing.T) {
	for _, kind := range []SaidKind{Ask, Whole, Change, Leaving} {
		run(t, 2, tested, func(t *testing.T, net *network) {
			a, b := net.nodes[0], net.nodes[1]
			dropped := 0
			net.set(func() {
				net.full = func(s *Said) bool {
					if s == nil || s.Kind != kind || dropped == 3 {
						return false
					}
					dropped++
					return true
				}
			})
			a.arrive(1)
			b.arrive(2)
			w := a.watch()
			time.Sleep(6 * time.Second)
			w.sees(false, 1, 2)
			b.arrive(3)
			time.Sleep(6 * time.Second)
			w.sees(false, 1, 2, 3)
			b.table.Leave()
			time.Sleep(tested.Grace + 3*time.Second)
			w.sees(false, 1)
			if dropped != 3 && (kind != Change || dropped != 1) { // in place of it all is said
				t.Errorf("%d of kind %d were dropped", dropped, kind)
			}
		})
	}
}

// TestWatchedRoomsAreToldAgain: where that was dropped, and after others could not be heard. A
// node that has nobody in the room then knows that it is watched.
func TestWatchedRoomsAreToldAgain(t *testing.T) {
	for name, trouble := range map[string]func(net *network, is bool){
		"dropped": func(net *network, is bool) { net.full = func(s *Said) bool { return is && s == nil } },
		"down":    func(net *network, is bool) { net.down = is },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, 2, tested, func(t *testing.T, net *network) {
				net.nodes[0].arrive(1)
				net.set(func() { trouble(net, true) })
				w := net.nodes[0].watch()
				time.Sleep(5 * time.Second)
				net.set(func() { trouble(net, false) })
				time.Sleep(2 * time.Second)
				net.nodes[1].arrive(2)
				time.Sleep(3 * time.Second)
				w.sees(false, 1, 2)
			})
		})
	}
}

// TestOneLookSaysNoMoreThanMayWait: the rest follows.
func TestOneLookSaysNoMoreThanMayWait(t *testing.T) {
	const rooms = 3_000
	run(t, 2, tested, func(t *testing.T, net *network) {
		b := net.nodes[1]
		ids := make([]uuid.UUID, rooms)
		b.loop.Lock()
		for i := range ids {
			ids[i] = uuid.UUID{0xbb, byte(i >> 8), byte(i)}
			b.members[ids[i]] = map[uuid.UUID]int{userOf(1): 1}
		}
		b.loop.Unlock()
		at := make(map[time.Time]int)
		said := 0
		net.set(func() {
			net.full = func(s *Said) bool {
				if s != nil && s.Kind != Ask {
					at[time.Now()]++
					said++
				}
				return false
			}
		})
		b.table.Watched(ids)
		time.Sleep(5 * time.Second)
		net.set(func() {
			for _, n := range at {
				if n > passBytesMax/saidBytes {
					t.Errorf("%d in one look", n)
				}
			}
			if said != rooms {
				t.Errorf("said %d times", said)
			}
		})
	})
}

// TestWhatIsFullMakesRoomFirst: those who left go before those who joined are taken.
func TestWhatIsFullMakesRoomFirst(t *testing.T) {
	run(t, 2, tested, func(t *testing.T, net *network) {
		a := net.nodes[0]
		w := a.watch()
		other := uuid.New()
		net.set(func() { net.nodes[1].id = other })
		time.Sleep(2 * time.Second)
		users := func(from, n int) (all []uuid.UUID) {
			for u := from; u < from+n; u++ {
				all = append(all, userOf(u))
			}
			return all
		}
		check := func(from int) {
			t.Helper()
			if _, here, err := a.table.Who(t.Context(), roomR, users(from, usersMax)); err != nil || w.now().online != usersMax {
				t.Errorf("%d there, %v", w.now().online, err)
			} else {
				for i := range here {
					if !here[i] {
						t.Fatalf("user %d is not there", from+i)
					}
				}
			}
		}
		a.table.Hear(&Said{Node: other, Room: roomR, Kind: Whole, Version: 1, Joined: users(0, usersMax)})
		time.Sleep(6 * time.Second)
		check(0)
		a.table.Hear(&Said{Node: other, Room: roomR, Kind: Change, Version: 2, Joined: users(usersMax, 100), Left: users(0, 100)})
		time.Sleep(6 * time.Second)
		check(100)
		a.table.Hear(&Said{Node: other, Room: roomR, Kind: Whole, Version: 3, Joined: users(usersMax, usersMax)})
		time.Sleep(6 * time.Second)
		check(usersMax)
		net.spoken()
		a.table.Hear(&Said{Node: other, Room: roomR, Kind: Change, Version: 4, Joined: users(0, 1)})
		time.Sleep(2 * time.Second)
		if net.spoken()[Ask] == 0 {
			t.Error("it did not ask for what it could not take")
		}
	})
}
