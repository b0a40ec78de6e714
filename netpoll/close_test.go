package netpoll

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// journal collects the calls of Handler.Close.
type journal struct{ closes chan Closed }

func newJournal() *journal { return &journal{make(chan Closed, 100)} }

func (j *journal) close(_ *Conn, why Closed) { j.closes <- why }

func (j *journal) expect(t testing.TB, want Closed) {
	t.Helper()
	if got := await.Value(t, "Handler.Close", j.closes); got != want {
		t.Errorf("Handler.Close got %+v, want %+v", got, want)
	}
}

// expectNoMore ends the server: nothing but its end may have ended anybody else.
func (j *journal) expectNoMore(t testing.TB, s *Server) {
	t.Helper()
	s.Close()
	await.Done(t, "the loops' end", s.done)
	for len(j.closes) > 0 {
		if got := <-j.closes; got.Cause != CauseShutdown {
			t.Errorf("another Handler.Close: %+v", got)
		}
	}
}

func TestClientClosesAndIsAnsweredWithItsCode(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}})
	for _, test := range []struct {
		payload string
		code    uint16 // answered, and told to the Handler
	}{
		{"", CloseNoStatus},
		{"\x03\xe8", 1000},
		{"\x03\xf3", 1011},
		{"\x03\xf6", 1014},
		{"\x0f\xa1reason", 4001},
	} {
		c := dial(t, s)
		c.write(masked(ws.OpClose, test.payload))
		if code, _ := c.expectClose(); code != test.code {
			t.Errorf("%q: answered with %d", test.payload, code)
		}
		reason := ""
		if len(test.payload) > 2 {
			reason = test.payload[2:]
		}
		j.expect(t, Closed{test.code, reason, CausePeer})
	}
	j.expectNoMore(t, s)
}

func TestBrokenProtocolIsClosedWithItsCode(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}, MessageBytesMax: 1000})
	for name, test := range map[string]struct {
		bytes []byte
		code  uint16
	}{
		"unmasked":      {ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), CloseProtocol},
		"reserved bit":  {append([]byte{0xC1}, masked(ws.OpText, "x")[1:]...), CloseProtocol},
		"opcode":        {masked(3, "x"), CloseProtocol},
		"too big":       {masked(ws.OpText, fmt.Sprintf("%01001d", 0))[:14], CloseTooBig},
		"not UTF-8":     {masked(ws.OpText, "\xff"), CloseInvalid},
		"close code":    {masked(ws.OpClose, "\x03\xed"), CloseProtocol},
		"close payload": {masked(ws.OpClose, "\x03"), CloseProtocol},
	} {
		c := dial(t, s)
		c.write(append(test.bytes, masked(ws.OpText, "ignored")...))
		if code, _ := c.expectClose(); code != test.code {
			t.Errorf("%s: closed with %d, want %d", name, code, test.code)
		}
		if why := await.Value(t, name, j.closes); why.Code != test.code || why.Cause != CauseProtocol {
			t.Errorf("%s: %+v", name, why)
		}
	}
}

func TestServerCloses(t *testing.T) {
	j := newJournal()
	var after atomic.Int32
	s := start(t, Config{Handler: funcs{close: j.close, message: func(c *Conn, _ Kind, p []byte) {
		after.Add(1)
		c.SendText([]byte("last words"))
		c.Close(4001, "enough")
		if c.Close(4002, "twice"); c.SendText(p) != NotOpen {
			t.Error("still open after Close")
		}
	}}})
	c := dial(t, s)
	// The second message comes with the first, after which nothing is processed.
	c.write(append(masked(ws.OpText, "1"), masked(ws.OpText, "2")...))
	c.expect("last words")
	if code, reason := c.expectClose(); code != 4001 || reason != "enough" {
		t.Error(code, reason)
	}
	j.expect(t, Closed{4001, "enough", CauseHandler})
	if n := after.Load(); n != 1 {
		t.Errorf("%d messages were handled", n)
	}
	_ = c.conn.Close()
	await.Until(t, "socket closed", func() bool { return s.Stats().Sockets == 0 })
	j.expectNoMore(t, s)
}

func TestSocketIsClosedThoughTheClientNeverAnswers(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) { c.Close(CloseNormal, "") }}})
	c := dial(t, s)
	c.send("x")
	c.expectClose() // our side is shut; the client's side stays open
	await.Until(t, "socket closed", func() bool { return s.Stats().Sockets == 0 })
}

// The five seconds that are promised for an end, without a clock: each connection is
// looked at once in a scan period, and the first look after the time limit ends it.
func TestAnEndIsOverWithinFiveSeconds(t *testing.T) {
	if most := endingTimeout + scanPeriodMax + tickPeriod; most >= 5*time.Second {
		t.Errorf("an end takes up to %v", most)
	}
	for _, state := range []connState{stateEnding, stateLingering} {
		l, _ := loopOfNulls(t, 1)
		c := l.conns[0]
		l.at = 1000
		if l.move(c, stateEnding); state == stateLingering {
			l.move(c, stateLingering)
		}
		l.at += moment(endingTimeout/time.Millisecond) - 1
		if l.inspect(c); c.state != state {
			t.Errorf("ended before its time, in state %d", c.state)
		}
		l.at++
		if l.inspect(c); c.state != stateClosing {
			t.Errorf("in state %d after its time", c.state)
		}
	}
}

func TestClientGoesWithoutAWord(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}})
	for name, leave := range map[string]func(*client){
		"close":         func(c *client) { _ = c.conn.Close() },
		"half-close":    func(c *client) { _ = c.conn.CloseWrite() },
		"reset":         func(c *client) { _ = c.conn.SetLinger(0); _ = c.conn.Close() },
		"in mid-frame":  func(c *client) { c.write(masked(ws.OpText, "cut")[:7]); _ = c.conn.Close() },
		"in mid-header": func(c *client) { c.write(masked(ws.OpText, "cut")[:1]); _ = c.conn.Close() },
	} {
		leave(dial(t, s))
		if why := await.Value(t, name, j.closes); why != (Closed{CloseAbnormal, "", CauseLost}) {
			t.Errorf("%s: %+v", name, why)
		}
	}
	await.Until(t, "sockets closed", func() bool { return s.Stats().Sockets == 0 })
}

func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}})
	c := connect(t, s)
	c.write(append([]byte(plainRequest), masked(ws.OpText, "answer me")...))
	_ = c.conn.CloseWrite()
	c.response()
	c.expect("answer me")
	c.expectEOF()
}

func TestServerCloseDropsAll(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}})
	a, b := dial(t, s), dial(t, s)
	s.Close()
	a.expectEOF()
	b.expectEOF()
	j.expect(t, Closed{CloseAbnormal, "", CauseShutdown})
	j.expect(t, Closed{CloseAbnormal, "", CauseShutdown})
}

// A handler that closes other connections, sends to them and lets them close
// others in its own Close, is never called from inside itself.
func TestHandlerIsNeverReentered(t *testing.T) {
	var conns []*Conn
	inside := false
	enter := func() func() {
		if inside {
			t.Error("re-entered")
		}
		inside = true
		return func() { inside = false }
	}
	closes := make(chan Closed, 3)
	s := start(t, Config{Loops: 1, Handler: funcs{
		open: func(c *Conn) { conns = append(conns, c) },
		message: func(*Conn, Kind, []byte) {
			defer enter()()
			conns[0].Close(4000, "")
		},
		close: func(c *Conn, why Closed) {
			defer enter()()
			for i, other := range conns {
				if c == other && i+1 < len(conns) {
					conns[i+1].SendText([]byte("you are next"))
					conns[i+1].Close(4000+uint16(i)+1, "")
				}
			}
			closes <- why
		},
	}})
	a, b, c := dial(t, s), dial(t, s), dial(t, s)
	b.send("go")
	for i, cl := range []*client{a, b, c} {
		if code, _ := cl.expectClose(); code != 4000+uint16(i) {
			t.Errorf("client %d: %d", i, code)
		}
		await.Value(t, "Handler.Close", closes)
	}
}
