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

func TestDrainSpreadsTheCloses(t *testing.T) {
	const clients = 60
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}})
	when := make(chan time.Time, clients)
	for range clients {
		c := dial(t, s)
		go func() {
			if code, _ := c.expectClose(); code != CloseRestart {
				t.Error(code)
			}
			when <- time.Now()
			_ = c.conn.Close()
		}()
	}
	late := connect(t, s) // has not sent its request yet
	eventually(t, "open", func() bool { return s.Stats().Open == clients })
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()

	eventually(t, "draining", s.draining.Load)
	c := connect(t, s)
	if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Error(r.Status)
	}
	_ = c.conn.Close()
	if r := late.response(); r.StatusCode != 503 {
		t.Error(r.Status)
	}
	_ = late.conn.Close()

	byQuarter := [4]int{}
	for range clients {
		at := (<-when).Sub(began)
		byQuarter[min(int(at/(500*time.Millisecond)), 3)]++
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	// Three quarters of the time are for the closes.
	if slices.Max(byQuarter[:]) > clients*2/3 {
		t.Errorf("closes by half second: %v", byQuarter)
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
		eventually(t, "draining", s.draining.Load)
		end(s)
		select {
		case err := <-drained:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(waitMax):
			t.Errorf("%s: Drain does not return", name)
		}
	}
}

func TestDrainGivesUpInTime(t *testing.T) {
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
