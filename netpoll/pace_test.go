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
	calm := s.limits.calmPeriod
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
