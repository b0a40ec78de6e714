package netpoll

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/deflate"
)

// judged is a Handler that lets nobody's messages in before it is told to.
type judged struct {
	funcs
	conns  []*Conn // on the only loop
	let    atomic.Bool
	closed chan Closed
}

func newJudged() *judged {
	j := &judged{closed: make(chan Closed, 16)}
	j.open = func(c *Conn) { j.conns = append(j.conns, c) }
	j.wait = func(*Conn) time.Duration {
		if j.let.Load() {
			return 0
		}
		return UntilResume
	}
	j.message = echoBack
	j.close = func(_ *Conn, why Closed) { j.closed <- why }
	return j
}

// letIn ends the wait of all, in one turn.
func (j *judged) letIn(t testing.TB, l *Loop) {
	t.Helper()
	onLoop(t, l, func() {
		j.let.Store(true)
		for _, c := range j.conns {
			c.Resume()
			c.Resume() // once too often
		}
	})
}

// arrived waits until the server has read so many bytes.
func arrived(t testing.TB, s *Server, bytes int) {
	t.Helper()
	await.Until(t, "the bytes have come", func() bool { return s.Stats().BytesIn == uint64(bytes) })
}

// packed is a client's message, compressed.
func packed(text string) []byte {
	f := ws.NewTextFrame(deflate.Deflate(nil, []byte(text)))
	f.Header.Rsv = ws.Rsv(true, false, false)
	return ws.MustCompileFrame(ws.MaskFrame(f))
}

// inFragments is a client's message, in pieces of one byte.
func inFragments(text string) (all []byte) {
	for i := range len(text) {
		op := ws.OpContinuation
		if i == 0 {
			op = ws.OpText
		}
		all = append(all, ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, i == len(text)-1, []byte(text[i:i+1]))))...)
	}
	return all
}

// Nothing of a message is looked at before Resume, however it comes; then all is, in
// order, in that turn and not with a later tick.
func TestPostponedMessagesAreLookedAtWithResume(t *testing.T) {
	const messages = 70
	forms := map[string]func(string) []byte{
		"plain":        func(text string) []byte { return masked(ws.OpText, text) },
		"compressed":   packed,
		"in fragments": inFragments,
	}
	for name, form := range forms {
		for _, glued := range []bool{true, false} {
			for _, pieces := range []int{1, 3} {
				t.Run(fmt.Sprint(name, " glued ", glued, " pieces ", pieces), func(t *testing.T) {
					j := newJudged()
					s := start(t, Config{Loops: 1, Handler: j, Compression: true})
					var early []byte
					for i := range messages {
						early = append(early, form(fmt.Sprint(i, " "))...)
					}
					c := connect(t, s)
					sent := []byte(deflateRequest)
					if glued {
						cut := len(early) / pieces
						sent, early = append(sent, early[:cut]...), early[cut:]
					}
					c.write(sent)
					c.response()
					total := len(sent)
					for piece := range slices.Chunk(early, max(1, len(early)/pieces)) {
						c.write(piece)
						total += len(piece)
						arrived(t, s, total)
					}
					arrived(t, s, total)
					onLoop(t, s.loops[0], func() {}) // the turn has shown its counts
					before := s.Stats()
					if before.MessagesIn != 0 || before.Paused != 0 {
						t.Errorf("%d messages were looked at, %d connections are paused", before.MessagesIn, before.Paused)
					}
					j.letIn(t, s.loops[0])
					onLoop(t, s.loops[0], func() {}) // likewise
					if after := s.Stats(); after.MessagesIn != messages || after.Writes != before.Writes+1 {
						t.Errorf("%d messages were looked at, and answered with %d writes", after.MessagesIn, after.Writes-before.Writes)
					}
					for i := range messages {
						c.expect(fmt.Sprint(i, " "))
					}
					c.send("later")
					c.expect("later")
				})
			}
		}
	}
}

// What more a postponed client sends waits in the kernel, and comes in order in the end.
func TestLittleIsKeptOfAPostponedConnection(t *testing.T) {
	const messages, size = 300, 8 << 10
	j := newJudged()
	s := start(t, Config{Loops: 1, Handler: j, OutboxBytesMax: 64 << 20})
	c := dial(t, s)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range messages {
			_, _ = c.conn.Write(masked(ws.OpText, fmt.Sprint(i)+strings.Repeat("x", size)))
		}
	}()
	kept := func() (n int, silent bool) {
		onLoop(t, s.loops[0], func() {
			if u := j.conns[0].unread; u != nil {
				n, silent = len(u.bytes), u.silent
			}
		})
		return n, silent
	}
	await.Until(t, "the socket is not read any more", func() bool { _, silent := kept(); return silent })
	for range 20 {
		if n, _ := kept(); n > postponedBytesMax+64<<10 {
			t.Fatalf("%d bytes are kept", n)
		}
	}
	if st := s.Stats(); st.MessagesIn != 0 || st.BytesIn > postponedBytesMax+64<<10+uint64(len(plainRequest)) {
		t.Errorf("%d messages, %d bytes read", st.MessagesIn, st.BytesIn)
	}
	j.letIn(t, s.loops[0])
	for i := range messages {
		c.expect(fmt.Sprint(i) + strings.Repeat("x", size))
	}
	await.Done(t, "the client", written)
}

// Control frames before any message are looked at: a ping is answered, a close is the end.
// A flood of them is read in portions all the same, and Resume loses nothing of it.
func TestControlFramesDoNotWaitForResume(t *testing.T) {
	j := newJudged()
	s := start(t, Config{Loops: 1, Handler: j})
	c := dial(t, s)
	c.write(masked(ws.OpPing, "one"))
	if op, got, err := c.frame(); op != ws.OpPong || got != "one" || err != nil {
		t.Fatalf("%v %q %v", op, got, err)
	}
	ping := masked(ws.OpPing, "two")
	c.write(ping[:1]) // a header in pieces, and a payload
	c.write(ping[1:7])
	c.write(ping[7:])
	if op, got, err := c.frame(); op != ws.OpPong || got != "two" || err != nil {
		t.Fatalf("%v %q %v", op, got, err)
	}
	c.write(append(bytes.Repeat(masked(ws.OpPong, ""), 3*controlsMax), masked(ws.OpText, "behind")...))
	await.Until(t, "it is paused", func() bool { return s.Stats().Paused == 1 })
	j.letIn(t, s.loops[0])
	c.expect("behind")

	j.let.Store(false)
	c = dial(t, s)
	c.write(masked(ws.OpClose, "\x03\xe8"))
	if code, _ := c.expectClose(); code != CloseNormal {
		t.Error(code)
	}
	if why := await.Value(t, "the end", j.closed); why.Cause != CausePeer {
		t.Errorf("%+v", why)
	}
}

// A flood of control frames and then a message: the pause ends, and it is postponed.
func TestAPausedConnectionIsPostponedThen(t *testing.T) {
	j := newJudged()
	s := start(t, Config{Loops: 1, Handler: j})
	c := dial(t, s)
	c.write(append(bytes.Repeat(masked(ws.OpPong, ""), controlsMax), masked(ws.OpText, "behind")...))
	await.Until(t, "the pause is over", func() bool { st := s.Stats(); return st.Pauses == 1 && st.Paused == 0 })
	if n := s.Stats().MessagesIn; n != 0 {
		t.Errorf("%d messages were looked at", n)
	}
	j.letIn(t, s.loops[0])
	c.expect("behind")
	c.send("later")
	c.expect("later")
}

// What Resume has looked at may pause the connection, and that is the rate's business then.
func TestAPostponedConnectionIsPausedThen(t *testing.T) {
	const messages = 5
	j := newJudged()
	j.message = func(c *Conn, k Kind, p []byte) { echoBack(c, k, p); c.pause(time.Millisecond) }
	s := start(t, Config{Loops: 1, Handler: j})
	c := dial(t, s)
	for i := range messages {
		c.send(fmt.Sprint(i))
	}
	arrived(t, s, len(plainRequest)+messages*len(masked(ws.OpText, "0")))
	j.letIn(t, s.loops[0])
	for i := range messages {
		c.expect(fmt.Sprint(i))
	}
	await.Until(t, "it is read again", func() bool { return s.Stats().Paused == 0 })
	onLoop(t, s.loops[0], func() {
		if n := len(s.loops[0].paused); n != 0 {
			t.Errorf("%d connections are in the list of the paused ones", n)
		}
	})
}

// A postponed connection ends like any other one, with little or much behind it.
func TestAPostponedConnectionEnds(t *testing.T) {
	for _, size := range []int{1, 1 << 20} {
		for name, end := range map[string]struct {
			close func(*testing.T, *judged, *Server, *client)
			want  Cause
			much  bool // also where its socket is not read
		}{
			"by the handler": {func(t *testing.T, j *judged, s *Server, c *client) {
				onLoop(t, s.loops[0], func() { j.conns[0].Close(4001, "no"); j.conns[0].Resume() })
				if code, _ := c.expectClose(); code != 4001 {
					t.Error(code)
				}
			}, CauseHandler, true},
			"by its end": {func(_ *testing.T, _ *judged, _ *Server, c *client) { _ = c.conn.CloseWrite() }, CauseLost, false},
			"by a reset": {func(_ *testing.T, _ *judged, _ *Server, c *client) {
				_ = c.conn.SetLinger(0)
				_ = c.conn.Close()
			}, CauseLost, true},
		} {
			if size > 1 && !end.much {
				continue
			}
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				j := newJudged()
				s := start(t, Config{Loops: 1, Handler: j})
				c := dial(t, s)
				go func() { _, _ = c.conn.Write(bytes.Repeat(masked(ws.OpText, ""), size)) }()
				await.Until(t, "it is postponed", func() (yes bool) {
					onLoop(t, s.loops[0], func() { yes = j.conns[0].postponed() && (size == 1 || j.conns[0].unread.silent) })
					return yes
				})
				end.close(t, j, s, c)
				if why := await.Value(t, "the end", j.closed); why.Cause != end.want {
					t.Errorf("%+v", why)
				}
				if n := s.Stats().MessagesIn; n != 0 {
					t.Errorf("%d messages were looked at", n)
				}
			})
		}
	}
}
