package netpoll

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// A reader that freezes is dropped at the outbox limit, with its close code as the
// last thing that it gets, and costs the others nothing. What it got is whole.
func TestSlowConsumerIsDroppedAndOthersAreServed(t *testing.T) {
	const limit = 64 << 10
	j := newJournal()
	var room Topic
	s := start(t, Config{Loops: 1, OutboxBytesMax: limit, SlowCloseCode: 4008, Handler: funcs{
		open:  func(c *Conn) { room.Add(c) },
		close: j.close,
	}})
	frozen, fast := dial(t, s), dial(t, s)
	_ = frozen.conn.SetReadBuffer(64 << 10)
	text := strings.Repeat("x", 16<<10)
	sent := 0
	for dropped := false; !dropped; sent++ {
		if sent > 10_000 {
			t.Fatal("never dropped")
		}
		p := NewPayload(fmt.Appendf(nil, "%d %s", sent, text))
		onLoop(t, s.loops[0], func() { room.Send(p) })
		fast.expect(fmt.Sprintf("%d %s", sent, text))
		if n := s.Stats().OutboxBytes; n > limit+2*len(text) {
			t.Fatalf("%d bytes are waiting", n)
		}
		dropped = s.Stats().Causes[CauseSlow] == 1
	}
	j.expect(t, Closed{4008, "too slow", CauseSlow})
	if s.Stats().Dropped[DroppedSlow] == 0 {
		t.Error("nothing counted as dropped")
	}
	// Thawed, it reads whole messages without a hole, and then why it was dropped.
	for next := 0; ; next++ {
		op, got, err := frozen.frame()
		if err != nil {
			t.Fatal(err)
		}
		if op == ws.OpClose {
			if got != "\x0f\xa8too slow" || next == 0 || next >= sent {
				t.Fatalf("%q after %d of %d messages", got, next, sent)
			}
			break
		}
		if !strings.HasPrefix(got, fmt.Sprint(next, " x")) {
			t.Fatalf("message %d is %.20q", next, got)
		}
	}
	onLoop(t, s.loops[0], func() { room.Send(NewPayload([]byte("still here"))) })
	fast.expect("still here")
}

// A silent client whose outbox is full ends once, although both are found in one look.
func TestAConnectionEndsOnce(t *testing.T) {
	const limit = 64 << 10
	j := newJournal()
	var c *Conn
	s := start(t, Config{Loops: 1, OutboxBytesMax: limit, Handler: funcs{open: func(opened *Conn) { c = opened }, close: j.close}})
	dial(t, s)
	l := s.loops[0]
	onLoop(t, l, func() {
		l.push(c, []byte("being written"))
		l.push(c, make([]byte, limit))
		c.flow = flowStalled
		c.pongs = &pongs{since: l.at - 2_000, owed: true}
		c.heard = l.at - 80_000
		l.inspect(c)
	})
	await.Until(t, "shown", func() bool { return s.Stats().Open != 1 })
	if st := s.Stats(); st.Open != 0 || st.Causes[CauseIdle]+st.Causes[CauseSlow] != 1 {
		t.Errorf("%d open, ended %v", st.Open, st.Causes)
	}
}

// A frozen client whose socket is never read again is closed all the same.
func TestFrozenClientIsClosedInTime(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Loops: 1, OutboxBytesMax: 64 << 10, Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) {
		for p := NewPayload(make([]byte, 10<<10)); c.Send(p) == Queued; {
		}
	}}})
	c := dial(t, s)
	_ = c.conn.SetReadBuffer(4 << 10)
	c.send("flood me")
	await.Until(t, "socket closed", func() bool { return s.Stats().Sockets == 0 })
	await.Until(t, "nothing stalled", func() bool { return s.Stats().Stalled == 0 })
	if st := s.Stats(); st.OutboxBytes != 0 || st.Causes[CauseSlow] != 1 {
		t.Errorf("%+v", st)
	}
}

// A client that reads slowly but steadily gets everything, in order, though it
// stalls all the time.
func TestStalledClientCatchesUp(t *testing.T) {
	const messages = 300
	s := start(t, Config{Loops: 1, OutboxBytesMax: 64 << 20, Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) {
		for i := range messages {
			c.SendText(fmt.Appendf(nil, "%06d%s", i, strings.Repeat("x", 50_000)))
		}
	}}})
	c := dial(t, s)
	_ = c.conn.SetReadBuffer(16 << 10)
	c.send("go")
	await.Until(t, "stalled", func() bool { return s.Stats().Stalled == 1 })
	for i := range messages {
		_, got, err := c.frame()
		if err != nil || !strings.HasPrefix(got, fmt.Sprintf("%06dx", i)) || len(got) != 50_006 {
			t.Fatalf("message %d: %.10q, %v", i, got, err)
		}
	}
	await.Until(t, "drained", func() bool { st := s.Stats(); return st.Stalled == 0 && st.OutboxBytes == 0 })
	onLoop(t, s.loops[0], func() {
		for _, c := range s.loops[0].conns {
			if c.outbox != nil || c.flow != flowIdle {
				t.Error("an idle connection holds an outbox")
			}
		}
	})
}

// A turn can bring more than the limit to a client that reads well: that is no
// reason to drop it. Nor is one payload over the limit.
func TestBurstOverTheLimitReachesAFastClient(t *testing.T) {
	const limit = 10 << 10
	s := start(t, Config{Loops: 1, OutboxBytesMax: limit, Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) {
		c.SendText([]byte(strings.Repeat("y", 3*limit)))
		for range 100 {
			c.SendText([]byte(strings.Repeat("x", 1000)))
		}
	}}})
	c := dial(t, s)
	c.send("go")
	c.expect(strings.Repeat("y", 3*limit))
	for range 100 {
		c.expect(strings.Repeat("x", 1000))
	}
}
