package netpoll

import (
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
)

// TestAfterWritesComesBehindTheWrites of its turn, once, whatever happens in it.
func TestAfterWritesComesBehindTheWrites(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) { conns <- c }}})
	c := dial(t, s)
	conn := await.Value(t, "the connection", conns)
	waiting := make(chan [2]int, 2)
	l := s.Loops()[0]
	l.Post(func() {
		conn.SendText([]byte("x"))
		before := conn.Waiting()
		l.AfterWrites(func() { panic("in a test") })
		l.AfterWrites(func() { waiting <- [2]int{before, conn.Waiting()} })
	})
	if got := await.Value(t, "the end of the turn", waiting); got[0] == 0 || got[1] != 0 {
		t.Errorf("%d bytes waited, and %d behind the writes", got[0], got[1])
	}
	c.expect("x")
	again := make(chan struct{})
	l.Post(func() { close(again) })
	await.Done(t, "another turn", again)
	if len(waiting) != 0 {
		t.Error("it was called again")
	}
}
