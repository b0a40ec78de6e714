package link_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/link"
)

// echo is a server that says what it hears, with its name before it.
type echo struct {
	net.Listener
	mu    sync.Mutex
	ended int // connections
}

func startEcho(t *testing.T, name string) *echo {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{Listener: listen}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				for lines := bufio.NewReader(conn); ; {
					line, err := lines.ReadString('\n')
					if err != nil {
						break
					}
					if _, err := io.WriteString(conn, name+line); err != nil {
						break
					}
				}
				e.mu.Lock()
				e.ended++
				e.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = listen.Close()
		all.Wait()
	})
	return e
}

func (e *echo) over() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

func open(t *testing.T, to string) *link.Link {
	t.Helper()
	l, err := link.New(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// caller is a connection through a link.
type caller struct {
	t *testing.T
	net.Conn
	heard chan string
}

func call(t *testing.T, l *link.Link) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &caller{t, conn, make(chan string, 16)}
	go func() {
		defer close(c.heard)
		for lines := bufio.NewReader(conn); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			c.heard <- line
		}
	}()
	return c
}

func (c *caller) says(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) hears(text string) {
	c.t.Helper()
	if got := await.Value(c.t, "an answer", c.heard); got != text+"\n" {
		c.t.Errorf("heard %q, want %q", got, text)
	}
}

func TestWhatIsLostComesWhenTheTroubleIsOver(t *testing.T) {
	for _, c := range []struct {
		name    string
		trouble link.Trouble
	}{
		{"both ways", link.Trouble{Up: true, Down: true}},
		{"to the server", link.Trouble{Up: true}},
		{"from the server", link.Trouble{Down: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := startEcho(t, "")
			lost, other := open(t, server.Addr().String()), open(t, server.Addr().String())
			member, leaver := call(t, lost), call(t, lost)
			member.says("before")
			member.hears("before")
			leaver.says("before")
			leaver.hears("before")
			lift := lost.Impose(c.trouble)
			member.says("lost")
			late := call(t, lost)
			late.says("late")
			if c.trouble.Up {
				_ = leaver.Close()
			}
			whole := call(t, other) // by which time the others could have been answered
			for range 20 {
				whole.says("x")
				whole.hears("x")
			}
			if len(member.heard)+len(late.heard)+server.over() > 0 {
				t.Errorf("something went through: %d, %d; %d ended", len(member.heard), len(late.heard), server.over())
			}
			lift()
			member.hears("lost")
			late.hears("late")
			if c.trouble.Up {
				await.Until(t, "the server hears of the end", func() bool { return server.over() == 1 })
			}
		})
	}
}

func TestConnectionsAreRefused(t *testing.T) {
	server := startEcho(t, "")
	l := open(t, server.Addr().String())
	there := call(t, l)
	there.says("before")
	there.hears("before")
	lift := l.Impose(link.Trouble{Refuse: true})
	await.Done(t, "its end", there.heard)
	conn, err := net.Dial("tcp", l.Addr())
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("one that comes gets %v", err)
	}
	lift()
	again := call(t, l)
	again.says("after")
	again.hears("after")
}

func TestEveryOtherConnectionIsTroubled(t *testing.T) {
	server := startEcho(t, "")
	l := open(t, server.Addr().String())
	callers := make([]*caller, 6)
	for i := range callers {
		callers[i] = call(t, l)
		callers[i].says("here")
		callers[i].hears("here")
	}
	lift := l.Impose(link.Trouble{Up: true, Down: true, Half: true})
	for _, c := range callers {
		c.says("x")
	}
	for i := 0; i < len(callers); i += 2 {
		callers[i].hears("x")
	}
	for i := 1; i < len(callers); i += 2 {
		if len(callers[i].heard) > 0 {
			t.Errorf("caller %d hears", i)
		}
	}
	lift()
	for i := 1; i < len(callers); i += 2 {
		callers[i].hears("x")
	}
}

func TestWhatIsLateKeepsItsOrder(t *testing.T) {
	server := startEcho(t, "")
	l := open(t, server.Addr().String())
	c := call(t, l)
	const late = 20 * time.Millisecond
	defer l.Impose(link.Trouble{Delay: late, Jitter: late})()
	begun := time.Now()
	for _, text := range []string{"1", "2", "3"} {
		c.says(text)
	}
	for _, text := range []string{"1", "2", "3"} {
		c.hears(text)
	}
	if took := time.Since(begun); took < 2*late {
		t.Errorf("there and back in %v", took)
	}
}

func TestALinkLeadsElsewhere(t *testing.T) {
	one, two := startEcho(t, "one "), startEcho(t, "two ")
	l := open(t, one.Addr().String())
	c := call(t, l)
	c.says("x")
	c.hears("one x")
	l.Lead(two.Addr().String())
	await.Done(t, "its end", c.heard)
	c = call(t, l)
	c.says("x")
	c.hears("two x")
}

// TestTheLastWordOfAServerArrives although its client goes on talking to it when it has gone.
func TestTheLastWordOfAServerArrives(t *testing.T) {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	l := open(t, listen.Addr().String())
	lift := l.Impose(link.Trouble{Down: true})
	c := call(t, l)
	c.says("hello")
	server, err := listen.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(server, "bye\n"); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		_, _ = io.WriteString(c, "are you there?\n")
		time.Sleep(5 * time.Millisecond) // the link finds that it is not
	}
	lift()
	c.hears("bye")
}
