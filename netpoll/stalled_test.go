package netpoll

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// flood is a payload that no kernel's buffers take whole.
var flood = NewPayload([]byte(strings.Repeat("x", 24<<20)))

// A client for which something waits and that takes nothing is closed, whatever it
// sends meanwhile. One that takes a little now and then is not.
func TestAClientThatTakesNothingIsClosedWhateverItSends(t *testing.T) {
	t.Parallel() // it waits
	j := newJournal()
	s := start(t, Config{Loops: 1, PingInterval: time.Second, IdleTimeout: 2 * time.Second, SlowCloseCode: 4008, Handler: funcs{
		message: func(c *Conn, _ Kind, _ []byte) { c.Send(flood) },
		close:   j.close,
	}})
	slow := dial(t, s)
	_ = slow.conn.SetReadBuffer(64 << 10)
	slow.send("flood me")
	frozen := dial(t, s)
	_ = frozen.conn.SetReadBuffer(64 << 10)
	frozen.send("flood me")
	await.Until(t, "both are stalled", func() bool { return s.Stats().Stalled == 2 })

	over := make(chan struct{})
	defer close(over)
	go func() { // pings do not help
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-over:
				tick.Stop()
				return
			case <-tick.C:
				_, _ = frozen.conn.Write(masked(ws.OpPing, ""))
				_, _ = slow.conn.Write(masked(ws.OpPing, ""))
			}
		}
	}()
	go func() {
		b := make([]byte, 16<<10)
		for {
			if _, err := slow.conn.Read(b); err != nil {
				return
			}
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	j.expect(t, Closed{4008, "took nothing for too long", CauseStalled})
	await.Until(t, "what waited is let go", func() bool { return s.Stats().Sockets == 1 })
	if st := s.Stats(); st.Open != 1 || st.Causes[CauseStalled] != 1 || st.OutboxBytes > 24<<20+100 {
		t.Errorf("%d open, ended %v, %d bytes wait", st.Open, st.Causes, st.OutboxBytes)
	}
}

// What waits for a client counts against the limit from the first byte on, the payload
// that is being written included. A client that reads gets a larger payload all the
// same, and what follows it.
func TestThePayloadThatIsWrittenCountsAgainstTheLimit(t *testing.T) {
	const limit = 25 << 20
	var c *Conn
	j := newJournal()
	s := start(t, Config{Loops: 1, OutboxBytesMax: limit, Handler: funcs{open: func(opened *Conn) { c = opened }, close: j.close}})
	client := dial(t, s)
	_ = client.conn.SetReadBuffer(64 << 10)
	l := s.loops[0]
	onLoop(t, l, func() { c.Send(flood) })
	await.Until(t, "stalled", func() bool { return s.Stats().Stalled == 1 })
	outcome := Queued
	onLoop(t, l, func() {
		for small := NewPayload(make([]byte, 64<<10)); outcome == Queued && l.counts.outboxBytes <= limit; {
			outcome = c.Send(small)
		}
	})
	if outcome != Overflowed {
		t.Errorf("outcome %v with %d bytes waiting", outcome, s.Stats().OutboxBytes)
	}
	j.expect(t, Closed{ClosePolicy, "too slow", CauseSlow})
}

// The clients for which most waits are closed first, and no more of them than asked for.
func TestShedClosesTheHeaviestFirst(t *testing.T) {
	j := newJournal()
	s := start(t, Config{Loops: 1, OutboxBytesMax: 1 << 30, SlowCloseCode: 4008, Handler: funcs{
		message: func(c *Conn, _ Kind, payload []byte) {
			for range payload {
				c.Send(flood)
			}
		},
		close: j.close,
	}})
	for _, floods := range []string{"1", "333", "22", ""} {
		c := dial(t, s)
		_ = c.conn.SetReadBuffer(64 << 10)
		c.send(floods)
	}
	await.Until(t, "three are stalled", func() bool { return s.Stats().Stalled == 3 })
	s.Shed(50 << 20)
	j.expect(t, Closed{4008, "the server is short of memory", CauseMemory})
	await.Until(t, "the heaviest is gone", func() bool { return s.Stats().Sockets == 3 })
	s.Shed(50 << 20)
	j.expect(t, Closed{4008, "the server is short of memory", CauseMemory})
	j.expect(t, Closed{4008, "the server is short of memory", CauseMemory})
	await.Until(t, "all the heavy are gone", func() bool { return s.Stats().Sockets == 1 })
	s.Shed(50 << 20) // nobody is left to close
	if st := s.Stats(); st.Open != 1 || st.Causes[CauseMemory] != 3 || st.OutboxBytes != 0 {
		t.Errorf("%d open, ended %v, %d bytes wait", st.Open, st.Causes, st.OutboxBytes)
	}
	j.expectNoMore(t, s)
}

// While memory is short handshakes get 503; who is in stays, plain HTTP goes on, and
// it is over when it is said to be.
func TestShortOfMemoryIsForHandshakesOnly(t *testing.T) {
	taken := make(chan net.Conn, 1)
	s := start(t, Config{Handler: funcs{message: echoBack}, HTTP: func(c net.Conn) { taken <- c }})
	in := dial(t, s)
	s.ShortOfMemory(true)
	c := connect(t, s)
	c.write([]byte(plainRequest))
	if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v", r.Status, r.Header)
	}
	in.send("still here")
	in.expect("still here")
	connect(t, s).write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	_ = await.Value(t, "the plain request", taken).Close()
	await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedMemory] == 1 })
	s.ShortOfMemory(false)
	dial(t, s)
}

// receipts counts those that were told.
type receipts struct{ gone atomic.Int32 }

func (r *receipts) Gone() { r.gone.Add(1) }

// A receipt is told once, however its payload ends: read by the client, dropped with
// the connection, or never sent.
func TestReceiptsAreToldOnceHoweverTheirPayloadEnds(t *testing.T) {
	var c *Conn
	s := start(t, Config{Loops: 1, OutboxBytesMax: 30 << 20, Handler: funcs{open: func(opened *Conn) { c = opened }}})
	l := s.loops[0]
	for _, end := range []struct {
		name string
		by   func(client *client)
	}{
		{"the client reads", func(client *client) {
			for range 2 {
				if _, _, err := client.frame(); err != nil {
					t.Error(err)
				}
			}
		}},
		{"the client leaves", func(client *client) { _ = client.conn.Close() }},
		{"the client is too slow", func(*client) { onLoop(t, l, func() { c.Send(flood) }) }},
		{"the server closes", func(*client) { onLoop(t, l, func() { c.Close(CloseNormal, "") }) }},
	} {
		client := dial(t, s)
		_ = client.conn.SetReadBuffer(64 << 10)
		var told receipts
		onLoop(t, l, func() {
			c.SendWithReceipt(flood, &told)
			c.SendWithReceipt(NewPayload([]byte("behind it")), &told)
		})
		await.Until(t, "stalled", func() bool { return s.Stats().Stalled == 1 })
		if n := told.gone.Load(); n != 0 {
			t.Errorf("%s: %d receipts before it", end.name, n)
		}
		end.by(client)
		await.Until(t, end.name+": the receipts", func() bool { return told.gone.Load() == 2 })
		await.Until(t, end.name+": nothing waits", func() bool { return s.Stats().OutboxBytes == 0 })
		_ = client.conn.Close()
		await.Until(t, end.name+": the socket is closed", func() bool { return s.Stats().Sockets == 0 })
		onLoop(t, l, func() { c.SendWithReceipt(flood, &told) })
		if n := told.gone.Load(); n != 3 {
			t.Errorf("%s: %d receipts in all", end.name, n)
		}
	}
}
