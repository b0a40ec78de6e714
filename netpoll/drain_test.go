package netpoll

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/claim"
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
			code, _ := c.readClose()
			_ = c.conn.Close()
			codes <- code
		}()
	}
	await.Until(t, "open", func() bool { return s.Stats().Open == clients })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()

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

// Whoever has a connection is served: the handshake that is under way, and plain HTTP. New
// connections are refused by the kernel, as where nobody listens.
func TestDrainServesThoseWhoAreThereAndNoOthers(t *testing.T) {
	t.Parallel() // it waits
	taken := make(chan net.Conn, 1)
	s := start(t, Config{Handler: funcs{message: echoBack}, HTTP: func(c net.Conn) { taken <- c }})
	in := dial(t, s)
	upgrading, asking := connect(t, s), connect(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()
	await.Until(t, "the listeners are shut", func() bool { return s.listeners.Load() == 0 })
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("a new connection was accepted")
	}
	upgrading.write([]byte(plainRequest))
	if r := upgrading.response(); r.StatusCode != 101 {
		t.Error(r.Status)
	}
	asking.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	_ = await.Value(t, "the plain request", taken).Close()
	in.send("still here")
	in.expect("still here")
	_, _ = in.conn.Close(), upgrading.conn.Close()
	if err := await.Value(t, "Drain's return", drained); err != nil {
		t.Error(err)
	}
}

// A client that connects and says nothing, as a port scanner or a browser in advance, does not
// hold a drain up until its handshake's time is over.
func TestDrainDoesNotWaitForAHandshakeThatDoesNotCome(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Handler: funcs{}, HandshakeTimeout: time.Hour})
	c := connect(t, s)
	await.Until(t, "accepted", func() bool { return s.Stats().Sockets == 1 })
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(context.Background()) }()
	if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Error(r.Status)
	}
	_ = c.conn.Close()
	if err := await.Value(t, "Drain's return", drained); err != nil {
		t.Error(err)
	}
	if n := s.Stats().Refused[RefusedDraining]; n != 1 {
		t.Errorf("%d refusals are counted", n)
	}
}

// What a client sends until it has read the close and answers is still the Handler's, and
// Handler.Close comes after it. Nothing follows the closing frame.
func TestWhatAPartingClientSendsCounts(t *testing.T) {
	t.Parallel() // it waits
	got := make(chan string, 10)
	closed := make(chan Closed, 1)
	s := start(t, Config{
		Handler: funcs{
			message: func(c *Conn, _ Kind, p []byte) {
				got <- string(p)
				if out := c.SendText(p); string(p) != "before" && out != NotOpen {
					t.Errorf("the answer to %q: %v", p, out)
				}
			},
			close: func(_ *Conn, why Closed) { got <- "closed"; closed <- why },
		},
		Part: func(_ *Loop, cs []*Conn) {
			for _, c := range cs {
				c.Part()
			}
		},
	})
	c := dial(t, s)
	c.send("before")
	c.expect("before")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()
	if code, _ := c.readClose(); code != CloseRestart {
		t.Error(code)
	}
	c.send("on its way")
	c.write(masked(ws.OpPing, "and a ping"))
	c.send("too")
	c.write(masked(ws.OpClose, "\x03\xe8"))
	c.send("after its own close")
	for _, want := range []string{"before", "on its way", "too", "closed"} {
		if text := await.Value(t, want, got); text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	if why := await.Value(t, "the reason", closed); why != sentAway {
		t.Errorf("%+v", why)
	}
	c.expectEOF()
	_ = c.conn.Close()
	if err := await.Value(t, "Drain's return", drained); err != nil {
		t.Error(err)
	}
}

// A parting client that breaks the protocol, goes, or that the program closes, ends at
// once and is told nothing more; one that does not answer ends in time.
func TestEveryEndOfAPartingClient(t *testing.T) {
	t.Parallel() // it waits
	for name, end := range map[string]func(c *client, l *Loop, conn *Conn){
		"it breaks the protocol": func(c *client, _ *Loop, _ *Conn) { c.write([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) },
		"it goes":                func(c *client, _ *Loop, _ *Conn) { _ = c.conn.Close() },
		"it is closed":           func(_ *client, l *Loop, conn *Conn) { l.Post(func() { conn.Close(4003, "out") }) },
		"it does not answer":     func(*client, *Loop, *Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, closed := make(chan *Conn, 1), make(chan Closed, 2)
			s := start(t, Config{Handler: funcs{
				open:  func(c *Conn) { opened <- c },
				close: func(_ *Conn, why Closed) { closed <- why },
			}})
			c := dial(t, s)
			conn := await.Value(t, "the connection", opened)
			onLoop(t, conn.Loop(), conn.Part)
			if code, _ := c.readClose(); code != CloseRestart {
				t.Error(code)
			}
			end(c, conn.Loop(), conn)
			if why := await.Value(t, "its end", closed); why != sentAway {
				t.Errorf("%+v", why)
			}
			if name != "it goes" {
				c.expectEOF()
				_ = c.conn.Close()
			}
			await.Until(t, "gone", func() bool { return s.Stats().Sockets == 0 })
			if len(closed) != 0 {
				t.Error("the end was told twice")
			}
		})
	}
}

// Who came last goes last, whatever became of the others in between.
func TestDrainSendsTheNewestAwayLast(t *testing.T) {
	l, _ := loopOfNulls(t, 8)
	for _, gone := range []int{2, 0} { // the last ones get their places
		l.move(l.conns[gone], stateGone)
	}
	later := &Conn{loop: l, state: stateOpen}
	l.add(later)
	order := l.oldestFirst()
	if len(order) != 7 || order[6] != later {
		t.Fatalf("%d are in the order, the newest is not the last", len(order))
	}
	if !slices.IsSortedFunc(order, func(a, b *Conn) int { return int(l.births[a.position]) - int(l.births[b.position]) }) {
		t.Error("the order is not that in which they came")
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

// Two servers on one port, as two processes of one user are: new connections go to either,
// and to the other one alone once one drains. Unasked it is an error.
func TestAPortThatTwoServersShare(t *testing.T) {
	names := make(chan string, 1)
	begin := func(addr, name string) *Server {
		address, err := claim.Reserve(addr, true)
		if err != nil {
			t.Fatal(err)
		}
		return start(t, Config{Address: address, Handler: funcs{open: func(*Conn) { names <- name }}})
	}
	old := begin("127.0.0.1:0", "old")
	addr := old.Addr().String()
	if s, err := Listen(Config{Addr: addr, Handler: funcs{}}); err == nil {
		s.Close()
		t.Error("a port in use was taken unasked")
	}
	young := begin(addr, "young")
	if young.Addr() != old.Addr() {
		t.Fatal(young.Addr(), old.Addr())
	}
	for heard := map[string]bool{}; len(heard) < 2; heard[await.Value(t, "a connection", names)] = true {
		dial(t, old)
	}
	go func() { _ = old.Drain(t.Context()) }()
	for old.listeners.Load() > 0 { // nobody is turned away meanwhile
		dial(t, old)
		await.Value(t, "a connection", names)
	}
	for range 30 {
		dial(t, old)
		if name := await.Value(t, "a connection", names); name != "young" {
			t.Errorf("a new connection came to the %s one", name)
		}
	}
}

// A loop that is busy as its server leaves goes on hearing clients. Their handshakes have as long as any.
func TestABusyLoopHasAsLongForItsLastHandshakes(t *testing.T) {
	t.Parallel() // it waits
	address, err := claim.Reserve("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Address: address, Handler: funcs{}, Loops: 1})
	busy := make(chan struct{})
	s.loops[0].Post(func() { <-busy })
	go func() { _ = s.Drain(t.Context()) }()
	time.Sleep(2 * handshakesWait)
	begun := time.Now()
	close(busy)
	await.Until(t, "the listener is shut", func() bool { return s.listeners.Load() == 0 })
	if took := time.Since(begun); took < handshakesWait {
		t.Errorf("shut %v after it went deaf", took)
	}
}

// A client that begins to connect while its server leaves is not answered, which its kernel
// takes for a loss. Who is there is served.
func TestALoopThatHearsNoMoreClients(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1})
	in := connect(t, s)
	onLoop(t, s.loops[0], s.loops[0].unhear)
	var timedOut net.Error
	if c, err := net.DialTimeout("tcp", s.Addr().String(), 50*time.Millisecond); !errors.As(err, &timedOut) || !timedOut.Timeout() {
		t.Errorf("%v, %v", c, err)
	}
	in.write([]byte(plainRequest))
	if r := in.response(); r.StatusCode != 101 {
		t.Error(r.Status)
	}
}

// A loop that stands still holds up its own clients: those of the others are told that the server leaves.
func TestALoopThatStandsStillHoldsUpNoOther(t *testing.T) {
	t.Parallel() // it waits
	address, err := claim.Reserve("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	on := make(chan int, 1)
	s := start(t, Config{Address: address, Handler: funcs{open: func(c *Conn) { on <- c.Loop().Index() }}, Loops: 2})
	clients := make(map[int]*client)
	for len(clients) < 2 {
		c := dial(t, s)
		clients[await.Value(t, "a connection", on)] = c
	}
	still := make(chan struct{})
	s.loops[0].Post(func() { <-still })
	defer close(still)
	go func() { _ = s.Drain(t.Context()) }()
	if code, reason := clients[1].readClose(); code != CloseRestart {
		t.Errorf("closed with %d %q", code, reason)
	}
}
