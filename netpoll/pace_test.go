package netpoll

import (
	"net"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// A server whose clients say nothing wakes up seldom: what it costs to be left alone is what
// each wake costs. One that comes and does not say what it wants is looked at soon again.
func TestLoopsOfOpenConnectionsTickSeldom(t *testing.T) {
	t.Parallel() // it waits
	const loops, limit = 2, 2 * time.Second
	j := newJournal()
	s := start(t, Config{Loops: loops, HandshakeTimeout: limit, Handler: funcs{close: j.close}})
	for range 8 {
		dial(t, s)
	}
	calm := s.limits.scanPeriod
	if calm < 2*tickPeriod || calm > limit/4 {
		t.Fatalf("a calm loop ticks each %v", calm)
	}
	time.Sleep(2 * calm) // the quick ticks of the handshakes are over
	begun, before := time.Now(), s.Stats().Turns
	time.Sleep(time.Second)
	turns := s.Stats().Turns - before
	if most := loops * (uint64(time.Since(begun)/calm) + 1); turns > most || turns == 0 {
		t.Errorf("%d turns of %d loops in %v, want 1 to %d", turns, loops, time.Since(begun), most)
	}

	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	await.Until(t, "the silent one is refused", func() bool { return s.Stats().Refused[RefusedTimeout] == 1 })
}

// However often a loop's connections stall and go on, or come and go, its next tick comes.
func TestATickIsNeverPutOff(t *testing.T) {
	s := &shared{}
	s.limits.scanPeriod = scanPeriodMax
	l := newLoop(s, nil, 0)
	defer l.tickTimer.Stop()
	begun := time.Now()
	at := func(after time.Duration, stalls int, ticked bool) time.Duration {
		l.now, l.stalled = begun.Add(after), make([]stall, stalls)
		l.pace(ticked)
		return l.tickAt.Sub(begun)
	}
	if due := at(0, 0, true); due != scanPeriodMax {
		t.Fatalf("a calm loop's tick is due after %v", due)
	}
	const first = 30 * time.Millisecond
	for after := first; after < 4*tickPeriod; after += first {
		at(after, 1, false)
		if due := at(after, 0, false); due != first+tickPeriod {
			t.Fatalf("a loop that was calm and is not by turns ticks after %v, at %v", due, after)
		}
	}
	if due := at(5*tickPeriod, 1, true); due != 6*tickPeriod {
		t.Errorf("a loop that is not calm ticks after %v", due)
	}
}

// A tick that is late makes the next one no later: Handler.Tick is called in each second in which there is one.
func TestALateTickPutsOffNoOther(t *testing.T) {
	calls := 0
	s := &shared{}
	s.limits.scanPeriod = scanPeriodMax
	l := newLoop(s, funcs{tick: func(*Loop, time.Time) { calls++ }}, 0)
	defer l.tickTimer.Stop()
	for i, at := range []moment{1_000, 2_400, 3_001, 3_101, 3_990, 4_000, 5_950, 6_000} {
		l.at = at
		if l.tick(); calls != []int{1, 2, 3, 3, 3, 4, 5, 6}[i] {
			t.Errorf("%d calls after %d ms", calls, at)
		}
	}
}
