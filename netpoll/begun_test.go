package netpoll

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// TestBegunMessagesAreBounded: all together, also where each is allowed. Those that keep
// most go, and who has begun little is heard to the end.
func TestBegunMessagesAreBounded(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1, BegunBytesMax: 1 << 20, SlowCloseCode: 4008})
	l := s.loops[0]
	little := dial(t, s)
	whole := masked(ws.OpText, "a few words that come in two parts")
	little.write(whole[:len(whole)-5])
	long := masked(ws.OpText, strings.Repeat("x", 60_000))
	for range 40 {
		c := dial(t, s)
		c.write(long[:50_000])
	}
	await.Until(t, "some are closed", func() bool { return s.Stats().Causes[CauseMemory] >= 10 })
	onLoop(t, l, func() {
		held := 0
		for _, c := range l.conns {
			held += c.begun()
		}
		if held > 1<<20 || l.counts.begunBytes > 1<<20 {
			t.Errorf("%d bytes are kept, %d counted", held, l.counts.begunBytes)
		}
	})
	if open := s.Stats().Open; open < 5 {
		t.Errorf("%d are left", open)
	}
	little.write(whole[len(whole)-5:])
	little.expect("a few words that come in two parts")
}

// TestShedClosesWhoHasBegunMuch: where nothing waits for anybody, what has begun is what
// there is to save.
func TestShedClosesWhoHasBegunMuch(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1, SlowCloseCode: 4008})
	var all []*client
	for _, bytes := range []int{50_000, 10_000} {
		c := dial(t, s)
		c.write(masked(ws.OpText, strings.Repeat("x", 60_000))[:bytes])
		all = append(all, c)
	}
	await.Until(t, "both have come", func() bool { return s.Stats().BegunBytes >= 60_000 })
	s.Shed(20_000)
	if code, _ := all[0].expectClose(); code != 4008 {
		t.Errorf("closed with %d", code)
	}
	await.Until(t, "shown", func() bool { return s.Stats().Open != 2 }) // at the end of the turn
	if st := s.Stats(); st.Open != 1 || st.Causes[CauseMemory] != 1 {
		t.Errorf("%d open, ended %v", st.Open, st.Causes)
	}
}
