package presence

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

var tested = Config{List: 100, Grace: 10 * time.Second}

// TestAllNodesSeeTheSame: whoever watches, wherever users arrive and depart, and however many
// devices they have.
func TestAllNodesSeeTheSame(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b, c := net.nodes[0], net.nodes[1], net.nodes[2]
		a.arrive(1, 1, 2)
		b.arrive(2, 3)
		w := a.watch()
		time.Sleep(time.Second)
		w.sees(false, 1, 2, 3)
		c.arrive(4) // a node that had nobody in the room
		time.Sleep(1500 * time.Millisecond)
		w.sees(false, 1, 2, 3, 4)
		v := c.watch()
		time.Sleep(time.Second)
		v.sees(false, 1, 2, 3, 4)
		a.depart(1, 2)
		b.depart(3)
		time.Sleep(9 * time.Second)
		w.sees(false, 1, 2, 3, 4)
		time.Sleep(4 * time.Second)
		w.sees(false, 1, 2, 4) // one has another device, one another node
		v.sees(false, 1, 2, 4)
		if least := min(w.now().least, v.now().least); least < tellEvery {
			t.Errorf("two frames within %v", least)
		}
	})
}

// TestComingBackElsewhereIsNotTold: within the grace, on whichever node.
func TestComingBackElsewhereIsNotTold(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b, c := net.nodes[0], net.nodes[1], net.nodes[2]
		a.arrive(1)
		b.arrive(2)
		c.arrive(3)
		w := a.watch()
		time.Sleep(2 * time.Second)
		before := w.now().frames
		for range 5 {
			b.depart(2)
			time.Sleep(5 * time.Second)
			c.arrive(2)
			time.Sleep(7 * time.Second)
			c.depart(2)
			time.Sleep(8 * time.Second)
			b.arrive(2)
			time.Sleep(2 * time.Second)
		}
		time.Sleep(30 * time.Second)
		w.sees(false, 1, 2, 3)
		if after := w.now().frames; after != before {
			t.Errorf("%d frames", after-before)
		}
	})
}

// TestADeadNodesUsersAreGone: with its lease, and those of one that ends cleanly after the grace.
func TestADeadNodesUsersAreGone(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b, c := net.nodes[0], net.nodes[1], net.nodes[2]
		a.arrive(1)
		b.arrive(2, 3)
		c.arrive(3, 4)
		w := a.watch()
		time.Sleep(2 * time.Second)
		net.set(func() { b.dead = true })
		time.Sleep(2500 * time.Millisecond)
		w.sees(false, 1, 3, 4)
		c.table.Leave()
		time.Sleep(time.Second)
		before := w.now().frames
		time.Sleep(8 * time.Second)
		w.sees(false, 1, 3, 4)
		a.arrive(4) // a user of it comes to another node
		time.Sleep(4 * time.Second)
		w.sees(false, 1, 4)
		time.Sleep(time.Hour)
		w.sees(false, 1, 4)
		if after := w.now().frames; after != before+1 {
			t.Errorf("%d frames", after-before)
		}
	})
}

// TestWithoutOthersPresenceIsPartial: it is said so, once; and when they are heard again it is
// whole, in one frame. A short while without them is not told.
func TestWithoutOthersPresenceIsPartial(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b, c := net.nodes[0], net.nodes[1], net.nodes[2]
		a.arrive(1)
		b.arrive(2)
		c.arrive(3)
		w := a.watch()
		time.Sleep(2 * time.Second)
		down := func(is bool) { net.set(func() { net.down = is }) }
		before := w.now().frames
		down(true)
		time.Sleep(10 * time.Second)
		down(false)
		time.Sleep(20 * time.Second)
		w.sees(false, 1, 2, 3)
		if after := w.now().frames; after != before {
			t.Errorf("a short while: %d frames", after-before)
		}
		down(true)
		b.depart(2)
		c.arrive(4)
		time.Sleep(20 * time.Second)
		w.sees(true, 1)
		a.arrive(5)
		time.Sleep(2 * time.Second)
		w.sees(true, 1, 5)
		down(false)
		time.Sleep(trustAfter + 3*wholeStep)
		w.sees(false, 1, 3, 4, 5)
		if after := w.now().frames; after != before+3 {
			t.Errorf("%d frames", after-before)
		}
	})
}

// TestPartialLastsUntilTheOthersAreBack: they come back some seconds apart, and nobody is told
// meanwhile that it is whole.
func TestPartialLastsUntilTheOthersAreBack(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b, c := net.nodes[0], net.nodes[1], net.nodes[2]
		a.arrive(1)
		b.arrive(2)
		c.arrive(3)
		w := a.watch()
		time.Sleep(2 * time.Second)
		net.set(func() { net.down = true })
		time.Sleep(20 * time.Second)
		w.sees(true, 1)
		before := w.now().frames
		back := func(which *testNode, is bool) { net.set(func() { which.cut = !is }) }
		back(b, false)
		net.set(func() { net.down = false })
		time.Sleep(2 * time.Second)
		w.sees(true, 1)
		back(b, true)
		time.Sleep(trustAfter)
		w.sees(false, 1, 2, 3)
		if after := w.now().frames; after != before+1 {
			t.Errorf("%d frames", after-before)
		}
		net.set(func() { net.down = true })
		time.Sleep(20 * time.Second)
		net.set(func() { net.down = false })
		time.Sleep(2 * time.Second)
		back(a, false) // it is lost once more before it was whole
		for range 30 {
			time.Sleep(time.Second)
			if !w.now().partial {
				t.Fatal("it was told that it is whole")
			}
		}
	})
}

// TestAListOfOneIsNamedAgain: as are larger ones, when fewer are there.
func TestAListOfOneIsNamedAgain(t *testing.T) {
	for _, list := range []int{1, 2, 9, 10, 30} {
		cfg := tested
		cfg.List = list
		run(t, 1, cfg, func(t *testing.T, net *network) {
			a := net.nodes[0]
			var all []int
			for u := range list + 1 {
				all = append(all, u)
			}
			a.arrive(all...)
			w := a.watch()
			time.Sleep(2 * time.Second)
			if w.now().known != nil {
				t.Errorf("of %d all are named", list)
			}
			fewer := max(1, list*9/10)
			a.depart(all[fewer:]...)
			time.Sleep(3 * namesAfter)
			w.sees(false, all[:fewer]...)
		})
	}
}

// TestWhatIsLostIsAskedFor: whichever of what nodes say is lost.
func TestWhatIsLostIsAskedFor(t *testing.T) {
	for kind := Ask; kind <= Leaving; kind++ {
		run(t, 3, tested, func(t *testing.T, net *network) {
			a, b := net.nodes[0], net.nodes[1]
			lost := 0
			net.set(func() {
				net.lost = func(_ *testNode, s *Said) bool {
					if s.Kind == kind && lost < 2 {
						lost++
						return true
					}
					return false
				}
			})
			a.arrive(1)
			b.arrive(2)
			w := a.watch()
			time.Sleep(5 * time.Second)
			b.arrive(3)
			b.depart(2)
			time.Sleep(90 * time.Second)
			w.sees(false, 1, 3)
			b.table.Leave()
			net.set(func() { b.dead = true })
			time.Sleep(15 * time.Second)
			w.sees(false, 1)
			if lost == 0 && kind != Counted {
				t.Errorf("nothing of kind %d was lost", kind)
			}
		})
	}
}

// TestManyUsersAreCountedAndNotNamed: beyond the list there is a number each five seconds, and it
// does not go to and fro.
func TestManyUsersAreCountedAndNotNamed(t *testing.T) {
	run(t, 2, tested, func(t *testing.T, net *network) {
		a, b := net.nodes[0], net.nodes[1]
		for u := range 60 {
			a.arrive(u)
			if u < 40 {
				b.arrive(100 + u)
			}
		}
		w := a.watch()
		time.Sleep(2 * time.Second)
		if is := w.now(); is.frames != 1 || is.online != 100 || len(is.known) != 100 {
			t.Fatalf("%+v", is)
		}
		for range 60 { // 100, 101, 100, …, for more than ten minutes
			b.arrive(500)
			time.Sleep(time.Second)
			b.depart(500)
			time.Sleep(12 * time.Second)
		}
		if is := w.now(); is.flips != 1 || is.known != nil {
			t.Errorf("%d times to and fro", is.flips)
		}
		for u := range 50 {
			a.arrive(1000 + u)
			time.Sleep(500 * time.Millisecond)
		}
		if is := w.now(); is.least < tellEvery || is.frames > 2*60+1+25/5+1 {
			t.Errorf("%d frames, two within %v", is.frames, is.least)
		}
		a.depart(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		for u := range 40 {
			b.depart(100 + u)
		}
		for u := range 50 {
			a.depart(1000 + u)
		}
		time.Sleep(2 * time.Minute)
		if is := w.now(); is.flips != 2 || len(is.known) != 50 {
			t.Errorf("%d times to and fro, %d named", is.flips, len(is.known))
		}
	})
}

// TestAStormIsFewFrames: ten thousand users come, each of whom watches.
func TestAStormIsFewFrames(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		const users, seconds = 10_000, 20
		w := make([]*watcher, len(net.nodes))
		for u := range users {
			n := u % len(net.nodes)
			if net.nodes[n].arrive(u); w[n] == nil {
				w[n] = net.nodes[n].watch()
			}
			if u%(users/seconds/10) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		time.Sleep(10 * time.Second)
		for n := range w {
			if is := w[n].now(); is.online != users || is.frames > (seconds+10)/5+2 || is.least < countEvery {
				t.Errorf("node %d: %d frames, two within %v, %d there", n, is.frames, is.least, is.online)
			}
		}
		if changes := net.spoken()[Change]; changes > 3*(seconds+12) {
			t.Errorf("nodes said %d changes", changes)
		}
	})
}

// TestMoreThanAreNamedBetweenNodesAreCounted: what a node says of a room stays bounded.
func TestMoreThanAreNamedBetweenNodesAreCounted(t *testing.T) {
	run(t, 2, tested, func(t *testing.T, net *network) {
		a, b := net.nodes[0], net.nodes[1]
		a.arrive(1)
		for u := range usersMax + 10 {
			b.arrive(100 + u)
		}
		w := a.watch()
		time.Sleep(2 * time.Second)
		if online := w.now().online; online != usersMax+11 || net.spoken()[Counted] == 0 {
			t.Errorf("%d there", online)
		}
		for u := range usersMax {
			b.depart(100 + u)
		}
		time.Sleep(3 * time.Minute)
		w.sees(false, 1, 100+usersMax, 101+usersMax, 102+usersMax, 103+usersMax, 104+usersMax, 105+usersMax,
			106+usersMax, 107+usersMax, 108+usersMax, 109+usersMax)
	})
}

// TestNobodyPaysForARoomThatNobodyWatches: nothing is kept and nothing is said of it, before and a
// while after somebody wanted to know.
func TestNobodyPaysForARoomThatNobodyWatches(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		a, b := net.nodes[0], net.nodes[1]
		quiet := func(when string) {
			t.Helper()
			net.spoken()
			a.arrive(1, 2)
			b.arrive(3)
			time.Sleep(5 * time.Minute)
			a.depart(1, 2)
			b.depart(3)
			time.Sleep(5 * time.Minute)
			for _, n := range net.nodes {
				if rooms := n.table.Stats().RoomsNow; rooms != 0 {
					t.Errorf("%s: %d rooms", when, rooms)
				}
			}
			if said := net.spoken(); len(said) != 0 {
				t.Errorf("%s: said %v", when, said)
			}
		}
		quiet("before")
		a.arrive(7)
		w := a.watch()
		time.Sleep(time.Minute)
		a.table.Unwatch(roomR, w)
		a.depart(7)
		if online, here, err := b.table.Who(t.Context(), roomR, []uuid.UUID{userOf(7), userOf(8)}); err != nil || online != 1 || !here[0] || here[1] {
			t.Errorf("%d, %v, %v", online, here, err)
		}
		time.Sleep(5 * time.Minute)
		quiet("after")
	})
}

// TestWhoIsThereIsKnownToACall: of all nodes, also on one that has nobody in the room. Who does
// not wait gets no answer.
func TestWhoIsThereIsKnownToACall(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		net.nodes[0].arrive(1, 2)
		net.nodes[1].arrive(2, 3)
		c := net.nodes[2].table
		if _, known := c.Online(roomR); known {
			t.Error("it is known before somebody asked")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := c.Who(ctx, roomR, nil); err == nil {
			t.Error("an answer to who is gone")
		}
		online, here, err := c.Who(t.Context(), roomR, []uuid.UUID{userOf(0), userOf(1), userOf(3)})
		if err != nil || online != 3 || here[0] || !here[1] || !here[2] {
			t.Errorf("%d, %v, %v", online, here, err)
		}
		if n, known := c.Online(roomR); n != 3 || !known {
			t.Errorf("%d, %t", n, known)
		}
	})
}

// TestWhileTheLoopsDoNotKeepUpNobodyIsTold: what was left out is told when they do.
func TestWhileTheLoopsDoNotKeepUpNobodyIsTold(t *testing.T) {
	cfg := tested
	var busy atomic.Bool
	cfg.Congested = busy.Load
	run(t, 1, cfg, func(t *testing.T, net *network) {
		a := net.nodes[0]
		a.arrive(1)
		w := a.watch()
		time.Sleep(time.Second)
		busy.Store(true)
		a.arrive(2)
		a.arrive(3)
		time.Sleep(5 * time.Second)
		w.sees(false, 1)
		busy.Store(false)
		time.Sleep(time.Second)
		w.sees(false, 1, 2, 3)
		if frames := w.now().frames; a.table.Stats().LeftOut == 0 || frames != 2 {
			t.Errorf("%+v, %d frames", a.table.Stats(), frames)
		}
	})
}

// TestPresenceAgreesWithAModel: users come and go at random on nodes, of which some die and others
// come, while a part of what they say is lost. In the end who watches sees who is there.
func TestPresenceAgreesWithAModel(t *testing.T) {
	for seed := range uint64(20) {
		run(t, 3, tested, func(t *testing.T, net *network) {
			random, losses := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
			net.set(func() {
				net.lost = func(*testNode, *Said) bool { return losses.IntN(5) == 0 }
			})
			w := net.nodes[0].watch()
			here := make(map[*testNode]map[int]int)
			for range 300 {
				n := net.nodes[random.IntN(len(net.nodes))]
				switch u := random.IntN(12); {
				case n.dead:
				case here[n] == nil:
					here[n] = make(map[int]int)
				case random.IntN(60) == 0 && n != net.nodes[0]:
					delete(here, n)
					net.set(func() { n.dead = true })
					n.stop()
					net.begin(tested, true)
				case here[n][u] > 0 && random.IntN(2) == 0:
					here[n][u]--
					n.depart(u)
				default:
					here[n][u]++
					n.arrive(u)
				}
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			}
			net.set(func() { net.lost = nil })
			time.Sleep(90 * time.Second)
			all := make(map[int]bool)
			for _, users := range here {
				for u, times := range users {
					if times > 0 {
						all[u] = true
					}
				}
			}
			var users []int
			for u := range all {
				users = append(users, u)
			}
			w.sees(false, users...)
		})
	}
}

// TestWhoHasNothingToSayLooksSeldom: what nobody asks for costs nothing.
func TestWhoHasNothingToSayLooksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		cfg := tested
		cfg.Contain = func(_ string, do func()) error { looks++; do(); return nil }
		cfg.Follows, cfg.Census = func(uuid.UUID) bool { return true }, func(*Room) {}
		ctx, stop := context.WithCancel(t.Context())
		table := New(cfg)
		go table.Run(ctx)
		time.Sleep(time.Minute + step/2)
		stop()
		synctest.Wait()
		if looks != int(time.Minute/wholeStep) {
			t.Errorf("%d looks in a minute", looks)
		}
	})
}

// TestNoRoomPutsAnothersStepOff: rooms in which something changes again and again.
func TestNoRoomPutsAnothersStepOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		cfg := tested
		cfg.Contain = func(_ string, do func()) error { looks++; do(); return nil }
		ctx, stop := context.WithCancel(t.Context())
		table := New(cfg)
		go table.Run(ctx)
		for range 100 {
			(&Room{table: table}).isDue()
			time.Sleep(step / 2)
		}
		stop()
		synctest.Wait()
		if looks < 25 {
			t.Errorf("%d looks in five seconds", looks)
		}
	})
}
