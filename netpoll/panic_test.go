package netpoll

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestPanicEndsOneConnectionOnly(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Loops: 1, Log: quiet(), Handler: funcs{
		upgrade: func(r *Request) (any, *Refusal) {
			if r.RawQuery == "upgrade" {
				panic("in Upgrade")
			}
			return r.RawQuery, nil
		},
		open: func(c *Conn) {
			if c.Session() == "open" {
				panic("in Open")
			}
		},
		message: func(c *Conn, k Kind, p []byte) {
			if string(p) == "panic" {
				panic("in Message")
			}
			echoBack(c, k, p)
		},
		close: func(c *Conn, why Closed) {
			j.close(c, why)
			panic("in Close")
		},
	}})
	at := func(query string) string { return "GET /?" + query + plainRequest[len("GET /path?q=1"):] }
	healthy := dial(t, s)

	c := connect(t, s)
	c.write([]byte(at("upgrade")))
	if r := c.response(); r.StatusCode != 500 {
		t.Error(r.Status)
	}
	panicked := Closed{CloseInternal, "internal error", CausePanic}

	c = dialWith(t, s, at("open"))
	if code, _ := c.expectClose(); code != CloseInternal {
		t.Error(code)
	}
	j.expect(t, panicked)

	c = dial(t, s)
	c.send("panic")
	if code, _ := c.expectClose(); code != CloseInternal {
		t.Error(code)
	}
	j.expect(t, panicked)

	s.loops[0].Post(func() { panic("in mail") })
	healthy.send("alive")
	healthy.expect("alive")
	await.Until(t, "counted", func() bool { return s.Stats().Panics == 6 })
}

// A tick that panics, again and again, is counted, is told to nobody, and is no
// reason for the loop to leave out what comes after it in the turn.
func TestPanicInTick(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Loops: 1, Log: quiet(), Handler: funcs{
		open:    (*Conn).Cork, // so that the answer leaves in the turn of a tick
		message: echoBack,
		tick:    func(*Loop, time.Time) { panic("in Tick") },
	}})
	c := dial(t, s)
	await.Until(t, "two panics", func() bool { return s.Stats().Panics >= 2 })
	c.send("alive")
	c.expect("alive")
	if st := s.Stats(); st.Open != 1 || st.Causes[CausePanic] != 0 {
		t.Errorf("%d open, %d ended by a panic", st.Open, st.Causes[CausePanic])
	}
}
