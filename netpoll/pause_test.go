package netpoll

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// A client that is paused after each message is heard in order and whole, however its
// bytes are cut, and a bystander on the same loop is served meanwhile.
func TestAPausedConnectionIsReadLaterInOrder(t *testing.T) {
	const messages = 8
	s := start(t, Config{Loops: 1, Handler: funcs{message: func(c *Conn, kind Kind, p []byte) {
		echoBack(c, kind, p)
		if strings.HasPrefix(string(p), "paused") {
			c.pause(time.Millisecond)
		}
	}}})
	paused, bystander := dial(t, s), dial(t, s)
	long := strings.Repeat("x", 40<<10)
	var all []byte
	for i := range messages {
		all = append(all, masked(ws.OpText, fmt.Sprint("paused ", i, long))...)
	}
	go func() { _, _ = paused.conn.Write(all) }()
	for i := range messages {
		paused.expect(fmt.Sprint("paused ", i, long))
		bystander.send("hello")
		bystander.expect("hello")
	}
	await.Until(t, "read again", func() bool { st := s.Stats(); return st.Paused == 0 && st.Pauses > 0 })
	paused.send("free")
	paused.expect("free")
}

// What a client sends while it is paused waits in the kernel, not here.
func TestAPausedConnectionIsNotRead(t *testing.T) {
	s := start(t, Config{Loops: 1, Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) { c.pause(time.Hour) }}})
	c := dial(t, s)
	c.send("pause")
	await.Until(t, "paused", func() bool { return s.Stats().Paused == 1 })
	block := masked(ws.OpText, strings.Repeat("x", 32<<10))
	_ = c.conn.SetWriteDeadline(time.Now().Add(await.Limit))
	written := 0
	for {
		_ = c.conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := c.conn.Write(block)
		if written += n; err != nil {
			break
		}
		if written > 1<<30 {
			t.Fatal("the client is never told to wait")
		}
	}
	if st := s.Stats(); st.MessagesIn != 1 || st.BytesIn > uint64(len(plainRequest))+1<<10 {
		t.Errorf("%d messages, %d bytes read of %d written", st.MessagesIn, st.BytesIn, written)
	}
}

// A paused connection is sent to, and ends like any other one.
func TestAPausedConnectionIsServedAndEnds(t *testing.T) {
	pause := funcs{message: func(c *Conn, kind Kind, p []byte) { echoBack(c, kind, p); c.pause(time.Hour) }}
	for name, end := range map[string]struct {
		cfg   Config
		close func(*testing.T, *Server, *client)
		want  Cause
	}{
		"by the handler": {Config{}, func(t *testing.T, s *Server, c *client) {
			onLoop(t, s.loops[0], func() {
				s.loops[0].conns[len(s.loops[0].conns)-1].Close(4000, "enough")
			})
			if code, _ := c.expectClose(); code != 4000 {
				t.Error(code)
			}
			c.expectEOF()
		}, CauseHandler},
		"by a reset": {Config{}, func(_ *testing.T, _ *Server, c *client) {
			_ = c.conn.SetLinger(0)
			_ = c.conn.Close()
		}, CauseLost},
		"by its silence": {Config{PingInterval: 100 * time.Millisecond, IdleTimeout: 300 * time.Millisecond}, func(*testing.T, *Server, *client) {}, CauseIdle},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal()
			cfg := end.cfg
			cfg.Loops, cfg.Handler = 1, funcs{message: pause.message, close: j.close}
			s := start(t, cfg)
			c := dial(t, s)
			c.send("pause")
			c.expect("pause")
			await.Until(t, "paused", func() bool { return s.Stats().Paused == 1 || s.Stats().Open == 0 })
			end.close(t, s, c)
			await.Until(t, "ended", func() bool { st := s.Stats(); return st.Causes[end.want] == 1 && st.Paused == 0 })
		})
	}
}

// The end of a client that has sent all it wanted shows once what it sent is read.
func TestAPausedClientThatHasGoneIsHeardOut(t *testing.T) {
	const messages = 5
	j := newJournal()
	heard := make(chan string, messages)
	s := start(t, Config{Loops: 1, Handler: funcs{close: j.close, message: func(c *Conn, _ Kind, p []byte) {
		heard <- string(p)
		c.pause(time.Millisecond)
	}}})
	c := dial(t, s)
	for i := range messages {
		c.send(fmt.Sprint(i))
	}
	_ = c.conn.CloseWrite()
	for i := range messages {
		select {
		case got := <-heard:
			if got != fmt.Sprint(i) {
				t.Errorf("%s came as number %d", got, i)
			}
		case <-time.After(await.Limit):
			t.Fatalf("message %d never came", i)
		}
	}
	j.expect(t, Closed{CloseAbnormal, "", CauseLost})
}

// gnet reads a socket again once it has written to it. What comes by that is kept for
// later, in order and not without bound.
func TestAPausedConnectionThatIsStalledKeepsWhatComes(t *testing.T) {
	var c *Conn
	s := start(t, Config{Loops: 1, OutboxBytesMax: 64 << 20, Handler: funcs{
		open: func(opened *Conn) { c = opened },
		message: func(c *Conn, kind Kind, p []byte) {
			if string(p) == "pause" {
				c.pause(time.Second)
				c.SendText([]byte(strings.Repeat("x", 8<<20)))
				return
			}
			echoBack(c, kind, p)
		},
	}})
	client := dial(t, s)
	client.send("pause")
	await.Until(t, "stalled", func() bool { return s.Stats().Stalled == 1 })
	for i := range 20 {
		client.send(fmt.Sprint(i))
	}
	client.expect(strings.Repeat("x", 8<<20))
	for i := range 20 {
		client.expect(fmt.Sprint(i))
	}
	onLoop(t, s.loops[0], func() {
		c.pause(time.Hour)
		s.loops[0].receive(c, make([]byte, unreadBytesMax))
		if c.state != stateOpen || len(c.unread.bytes) != unreadBytesMax {
			t.Error("not kept")
		}
		s.loops[0].receive(c, []byte{0})
	})
	if code, _ := client.expectClose(); code != ClosePolicy {
		t.Errorf("closed with %d", code)
	}
}

// A flood of control frames is read in portions, between which others are served.
func TestAFloodOfControlFramesIsReadInPortions(t *testing.T) {
	for _, op := range []ws.OpCode{ws.OpPing, ws.OpPong} {
		s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}})
		c := dial(t, s)
		var flood []byte
		for range 3 * controlsMax {
			flood = append(flood, masked(op, "")...)
		}
		c.write(append(flood, masked(ws.OpText, "through")...))
		for {
			kind, got, err := c.frame()
			if err != nil {
				t.Fatal(err)
			}
			if kind == ws.OpText {
				if got != "through" {
					t.Error(got)
				}
				break
			}
		}
		if n := s.Stats().Pauses; n == 0 {
			t.Errorf("%v: never paused", op)
		}
	}
}

// The Handler is asked before anything is looked at, so that connections may share what
// they may send: what one has spent another one waits for.
func TestTheHandlerIsAskedBeforeAnythingIsLookedAt(t *testing.T) {
	const conns, budget = 12, 3
	left, heard := budget, 0
	s := start(t, Config{Loops: 1, Compression: true, Handler: funcs{
		wait: func(*Conn) time.Duration {
			if left > 0 {
				return 0
			}
			return time.Millisecond
		},
		message: func(*Conn, Kind, []byte) { left--; heard++ },
	}})
	for range conns {
		c := dial(t, s)
		c.send("one")
	}
	await.Until(t, "all but a few are paused", func() bool { return s.Stats().Paused == conns-budget })
	onLoop(t, s.loops[0], func() {
		if heard != budget {
			t.Errorf("%d messages were looked at, want %d", heard, budget)
		}
		left = conns
	})
	await.Until(t, "all are heard", func() bool { return s.Stats().MessagesIn == conns && s.Stats().Paused == 0 })
}
