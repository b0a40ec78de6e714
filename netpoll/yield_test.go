package netpoll

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/claim"
)

// TestUnfinishedHandshakesKeepNobodyOut: clients that connect and do not send a whole
// request take all places, and more; whoever sends one is served.
func TestUnfinishedHandshakesKeepNobodyOut(t *testing.T) {
	for name, sent := range map[string]string{"silent": "", "half a request": plainRequest[:40]} {
		t.Run(name, func(t *testing.T) {
			const most = 16
			s := start(t, Config{Handler: funcs{message: echoBack}, ConnectionsMax: most, Loops: 1})
			member := dial(t, s)
			for range most + 2*claim.RefusedLingerMax {
				connect(t, s).write([]byte(sent))
			}
			await.Until(t, "they are accepted", func() bool { return s.Stats().Accepted >= most+2*claim.RefusedLingerMax })
			for range most - 1 {
				c := dial(t, s)
				c.send("x")
				c.expect("x")
			}
			member.send("y")
			member.expect("y")
			if st := s.Stats(); st.Refused[RefusedYielded] < most-1 || st.Open != most {
				t.Errorf("%d yielded, %d open", st.Refused[RefusedYielded], st.Open)
			}
		})
	}
}

// TestRefusedClientsThatStayKeepNobodyOut: who was refused and does not close keeps its
// place for no longer than nobody wants it.
func TestRefusedClientsThatStayKeepNobodyOut(t *testing.T) {
	const most = 16
	s := start(t, Config{Handler: funcs{message: echoBack}, ConnectionsMax: most, Loops: 1})
	for range most + claim.RefusedLingerMax {
		connect(t, s).write([]byte("NONSENSE\r\n\r\n"))
	}
	await.Until(t, "they are refused", func() bool { return s.Stats().Refused[RefusedMalformed] >= most })
	for range most {
		c := dial(t, s)
		c.send("x")
		c.expect("x")
	}
}

// The oldest goes first, and hears why.
func TestTheOldestUnfinishedHandshakeGoesFirst(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, ConnectionsMax: 3, Loops: 1})
	var waiting []*client
	for i := range 3 {
		c := connect(t, s)
		c.write([]byte(plainRequest[:30]))
		await.Until(t, "accepted", func() bool { return s.Stats().Accepted == uint64(i+1) })
		waiting = append(waiting, c)
	}
	for i := range 3 {
		dial(t, s)
		if r := waiting[i].response(); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Error(r.Status)
		} else if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		waiting[i].expectEOF()
		await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedYielded] == uint64(i+1) })
	}
	c := connect(t, s) // all others are open now: they stay
	c.write([]byte(plainRequest))
	if r := c.response(); r.StatusCode != http.StatusServiceUnavailable {
		t.Error(r.Status)
	}
	await.Until(t, "it is counted, and the others are open", func() bool {
		st := s.Stats()
		return st.Open == 3 && st.Refused[RefusedConnections] == 1
	})
}

// TestBytesOfUnfinishedRequestsAreBounded: all together, also where each is allowed.
func TestBytesOfUnfinishedRequestsAreBounded(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1})
	l := s.loops[0]
	onLoop(t, l, func() { l.shared.limits.requestBytesMax = 100_000 })
	part := plainRequest[:20] + strings.Repeat("x", 9_000)
	var waiting []*client
	for range 30 {
		c := connect(t, s)
		c.write([]byte(part))
		waiting = append(waiting, c)
	}
	await.Until(t, "the first ones have gone", func() bool { return s.Stats().Refused[RefusedYielded] >= 19 })
	onLoop(t, l, func() {
		held := 0
		for _, c := range l.conns {
			if c.unread != nil {
				held += len(c.unread.bytes)
			}
		}
		if held != l.requestBytes || held > 100_000 {
			t.Errorf("%d bytes are kept, %d counted", held, l.requestBytes)
		}
	})
	for _, c := range waiting {
		_ = c.conn.Close()
	}
	await.Until(t, "all are closed", func() bool { return s.Stats().Sockets == 0 })
	onLoop(t, l, func() {
		if l.requestBytes != 0 || l.awaited.live != 0 || l.leaving.live != 0 {
			t.Errorf("%d bytes, %d connections are counted still", l.requestBytes, l.awaited.live)
		}
	})
	c := dial(t, s)
	c.send("x")
	c.expect("x")
}

// The list of those who are waited for does not grow with those who came.
func TestTheListOfUnfinishedHandshakesIsBounded(t *testing.T) {
	s := start(t, Config{Handler: funcs{}, Loops: 1})
	l := s.loops[0]
	silent := connect(t, s)
	for range 4 * agesSpare {
		_ = dial(t, s).conn.Close()
	}
	onLoop(t, l, func() {
		if len(l.awaited.conns) > 2*l.awaited.live+agesSpare+1 || l.awaited.live != 1 {
			t.Errorf("%d in the list, of whom %d are waited for", len(l.awaited.conns), l.awaited.live)
		}
	})
	_ = silent.conn.Close()
}
