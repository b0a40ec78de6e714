package netpoll

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// What follows soon leaves with the handshake's answer, in one write.
func TestCorkedAnswerLeavesWithTheFirstMessage(t *testing.T) {
	first := map[string]func(*Conn){
		"message": func(c *Conn) { c.SendText([]byte("first")) },
		"close":   func(c *Conn) { c.Close(4003, "no") },
	}
	for name, then := range first {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) {
				c.Cork()
				go c.Loop().Post(func() { then(c) })
			}}})
			c := dial(t, s)
			if name == "close" {
				if code, _ := c.expectClose(); code != 4003 {
					t.Error(code)
				}
			} else {
				c.expect("first")
			}
			onLoop(t, s.loops[0], func() {}) // the turn that wrote has shown its counts
			if n := s.Stats().Writes; n != 1 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

// Where nothing follows, the answer comes all the same, with the next tick.
func TestCorkedAnswerDoesNotWaitForLong(t *testing.T) {
	s := start(t, Config{Handler: funcs{open: (*Conn).Cork, message: echoBack}})
	c := dial(t, s)
	c.send("x")
	c.expect("x")
}

// Frames that came with the request are answered in the same turn.
func TestCorkedAnswerAndEarlyFrames(t *testing.T) {
	s := start(t, Config{Loops: 1, Handler: funcs{open: (*Conn).Cork, message: echoBack}})
	c := connect(t, s)
	c.write(append([]byte(plainRequest), masked(ws.OpText, "early")...))
	c.response()
	c.expect("early")
	onLoop(t, s.loops[0], func() {})
	if n := s.Stats().Writes; n != 1 {
		t.Errorf("%d writes", n)
	}
}

// A client that goes at once gets its answer, and nothing of it is left.
func TestClientsThatGoWhileTheAnswerIsCorked(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Loops: 1, Handler: funcs{open: (*Conn).Cork, close: j.close}})
	c := connect(t, s)
	c.write([]byte(plainRequest))
	if err := c.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if r := c.response(); r.StatusCode != 101 {
		t.Error(r.Status)
	}
	j.expect(t, Closed{CloseAbnormal, "", CauseLost})
	dial(t, s)
	await.Until(t, "released", func() bool {
		held := -1
		onLoop(t, s.loops[0], func() { held = len(s.loops[0].corked) })
		return held == 0
	})
	if n := s.Stats().OutboxBytes; n != 0 {
		t.Errorf("%d bytes are said to wait", n)
	}
}

// A first message beyond the outbox's limit does not make the corked answer what
// waits before it: both are sent.
func TestCorkedAnswerBeforeALongFirstMessage(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	s := start(t, Config{Loops: 1, OutboxBytesMax: 1_000, Handler: funcs{open: func(c *Conn) {
		c.Cork()
		go c.Loop().Post(func() { c.SendText([]byte(long)) })
	}}})
	c := dial(t, s)
	c.expect(long)
}
