package netpoll

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/bench/await"
)

// What one goroutine posts is called in its order, all of it, on the loop.
func TestMailKeepsItsOrder(t *testing.T) {
	const posters, posts = 8, 5000
	s := start(t, Config{Loops: 1, Handler: funcs{}})
	l := s.Loops()[0]
	var got [posters][]int // written by the loop only
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range posts {
				l.Post(func() { got[p] = append(got[p], i) })
			}
		})
	}
	wg.Wait()
	onLoop(t, l, func() {
		for p := range got {
			if len(got[p]) != posts {
				t.Errorf("poster %d: %d of %d", p, len(got[p]), posts)
				continue
			}
			for i, n := range got[p] {
				if i != n {
					t.Fatalf("poster %d: %d at %d", p, n, i)
				}
			}
		}
	})
}

// engineStub is an event loop that only counts how often it was asked for a turn.
type engineStub struct {
	gnet.EventLoop
	asked int
}

func (e *engineStub) Execute(context.Context, gnet.Runnable) error { e.asked++; return nil }

// Who holds a lock queues; the system call of the wake-up comes after it, once.
func TestQueueWakesNobodyAndWakeDoesOnce(t *testing.T) {
	s, err := Listen(Config{Addr: "127.0.0.1:0", Loops: 1, Handler: funcs{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, stub := s.loops[0], new(engineStub)
	engine := gnet.EventLoop(stub)
	l.engine.Store(&engine)
	var called []int
	for i := range 3 {
		l.Queue(func() { called = append(called, i) })
	}
	if stub.asked != 0 || l.MailWaiting() != 3 {
		t.Fatalf("asked for %d turns, %d wait", stub.asked, l.MailWaiting())
	}
	l.Wake()
	l.Wake()
	l.Post(func() { called = append(called, 3) })
	if stub.asked != 1 {
		t.Errorf("asked for %d turns", stub.asked)
	}
	if err := (*turn)(l).Run(t.Context()); err != nil || !slices.Equal(called, []int{0, 1, 2, 3}) {
		t.Error(called, err)
	}
	if l.Wake(); stub.asked != 2 {
		t.Errorf("asked for %d turns after the first was over", stub.asked)
	}
}

func TestMailPostedBeforeRun(t *testing.T) {
	s, err := Listen(Config{Addr: "127.0.0.1:0", Loops: 2, Handler: funcs{}})
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan int, 2)
	for _, l := range s.Loops() {
		l.Post(func() { called <- l.Index() })
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	if a, b := await.Value(t, "a loop", called), await.Value(t, "the other loop", called); a+b != 1 {
		t.Errorf("loops %d and %d", a, b)
	}
	s.Close()
	if err := await.Value(t, "Run's return", ended); err != nil {
		t.Error(err)
	}
	s.Loops()[0].Post(func() { t.Error("called after the end") })
}

// Mail that begets mail without end keeps no socket waiting.
func TestEndlessMailDoesNotStarveTheSockets(t *testing.T) {
	s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}})
	l := s.Loops()[0]
	var again func()
	stop := false
	again = func() {
		if !stop {
			l.Post(again)
		}
	}
	l.Post(again)
	c := dial(t, s)
	c.send("x")
	c.expect("x")
	onLoop(t, l, func() { stop = true })
}

// A turn costs a system call, and a message that only goes elsewhere needs none.
func TestMessagesThatNeedNothingMakeNoTurns(t *testing.T) {
	const messages = 300
	seen := make(chan struct{}, 1)
	s := start(t, Config{Loops: 1, Handler: funcs{message: func(*Conn, Kind, []byte) { seen <- struct{}{} }}})
	c := dial(t, s)
	before := s.Stats().Turns
	for range messages {
		c.send("x")
		<-seen
	}
	if turns := s.Stats().Turns - before; turns > messages/2 { // ticks make some
		t.Errorf("%d turns for %d messages", turns, messages)
	}
	await.Until(t, "counted", func() bool { return s.Stats().MessagesIn == messages })
}

func TestTurnsReadTheClockOnce(t *testing.T) {
	s := start(t, Config{Loops: 1, Handler: funcs{}})
	l := s.Loops()[0]
	var first, second, later time.Time
	onLoop(t, l, func() {
		first = l.Now()
		time.Sleep(2 * time.Millisecond)
		second = l.Now()
	})
	onLoop(t, l, func() { later = l.Now() })
	if !first.Equal(second) || !later.After(first) {
		t.Error(first, second, later)
	}
}
