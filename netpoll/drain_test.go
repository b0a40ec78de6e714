package netpoll

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// Without a clock: what is due in each quarter of the time is a quarter of all, but
// for the rounding, and in the end everything is.
func TestDrainSpreadsTheCloses(t *testing.T) {
	const all, ticks = 60, 40
	begin := time.Unix(1_000_000, 0)
	for _, late := range []time.Duration{0, 30 * time.Millisecond} { // each tick may be
		d := &drainPlan{last: begin, until: begin.Add(ticks * tickPeriod)}
		open, byQuarter := all, [4]int{}
		for i := range ticks {
			n := d.due(begin.Add(time.Duration(i+1)*tickPeriod+late), open)
			open -= n
			byQuarter[i*4/ticks] += n
		}
		if open != 0 || slices.Min(byQuarter[:]) < all/12 || slices.Max(byQuarter[:]) > all/2 {
			t.Errorf("%d are left, closed by quarter: %v", open, byQuarter)
		}
	}
}

func TestDrainClosesAll(t *testing.T) {
	t.Parallel() // it waits
	const clients = 60
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}})
	codes := make(chan uint16, clients)
	for range clients {
		c := dial(t, s)
		go func() {
			code, _ := c.expectClose()
			_ = c.conn.Close()
			codes <- code
		}()
	}
	late := connect(t, s) // has not sent its request yet
	await.Until(t, "open", func() bool { return s.Stats().Open == clients })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()

	await.Until(t, "draining", s.draining.Load)
	c := connect(t, s)
	if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Error(r.Status)
	}
	_ = c.conn.Close()
	if r := late.response(); r.StatusCode != 503 {
		t.Error(r.Status)
	}
	_ = late.conn.Close()

	for range clients {
		if code := await.Value(t, "the next close", codes); code != CloseRestart {
			t.Error(code)
		}
	}
	if err := await.Value(t, "Drain's return", drained); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Closes[CloseRestart] != clients || st.Sockets != 0 {
		t.Errorf("%+v", st)
	}
}

func TestDrainOfAnEmptyServerIsImmediate(t *testing.T) {
	s := start(t, Config{Handler: funcs{}, DrainTimeout: time.Hour})
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestCloseOrASecondDrainEndsADrain(t *testing.T) {
	for name, end := range map[string]func(*Server){
		"Close": (*Server).Close,
		"Drain": func(s *Server) { _ = s.Drain(context.Background()) },
	} {
		s := start(t, Config{Handler: funcs{}, DrainTimeout: time.Hour})
		dial(t, s)
		drained := make(chan error, 1)
		go func() { drained <- s.Drain(context.Background()) }()
		await.Until(t, "draining", s.draining.Load)
		end(s)
		if err := await.Value(t, "Drain's return after "+name, drained); err != nil {
			t.Error(err)
		}
	}
}

func TestDrainGivesUpInTime(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Handler: funcs{}})
	dial(t, s) // never answers
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Refuse turns handshakes away, in the caller's words; who is in stays, and plain
// HTTP goes on.
func TestRefuseIsForHandshakesOnly(t *testing.T) {
	upgrades := make(chan struct{}, 10)
	taken := make(chan net.Conn, 1)
	s := start(t, Config{Handler: funcs{message: echoBack, upgrade: func(*Request) (any, *Refusal) {
		upgrades <- struct{}{}
		return nil, nil
	}}, HTTP: func(c net.Conn) { taken <- c }})
	in := dial(t, s)
	s.Refuse(&Refusal{Status: 503, ContentType: "text/x", Body: []byte("later"), RetryAfter: 2 * time.Second})
	c := connect(t, s)
	c.write([]byte(plainRequest))
	r := c.response()
	body, err := io.ReadAll(r.Body)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "2" || r.Header.Get("Content-Type") != "text/x" || string(body) != "later" || err != nil {
		t.Errorf("%s %v %q, %v", r.Status, r.Header, body, err)
	}
	in.send("still here")
	in.expect("still here")
	connect(t, s).write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	_ = await.Value(t, "the plain request", taken).Close()
	if len(upgrades) != 1 {
		t.Errorf("the Handler was asked %d times", len(upgrades))
	}
	await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedDraining] == 1 })
}
