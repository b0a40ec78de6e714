package control_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/control"
)

var token = []byte("a token that only the two know")

// listen returns a listener, and what it greets one after the other; nil for what it refused.
func listen(t *testing.T) (*control.Listener, chan *control.Conn) {
	t.Helper()
	l, err := control.Listen("127.0.0.1:0", token)
	if err != nil {
		t.Fatal(err)
	}
	greeted := make(chan *control.Conn)
	go func() {
		defer close(greeted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if l.Greet(c) != nil {
				c = nil
			}
			greeted <- c
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		for range greeted {
		}
	})
	return l, greeted
}

func TestBothSidesTalkOnceTheTokenIsProven(t *testing.T) {
	l, greeted := listen(t)
	c, err := control.Dial(context.Background(), l.Address(), token)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := <-greeted
	if other == nil {
		t.Fatal("the coordinator was refused")
	}
	defer other.Close()
	long := strings.Repeat("x", 200<<10)
	if err := c.Send(long); err != nil {
		t.Fatal(err)
	}
	if err := other.Await(time.Minute); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := other.Receive(&got, time.Minute); err != nil || got != long {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	go func() { _ = c.Send(strings.Repeat("x", control.OrderBytesMax)) }() // it ends with the connection
	if err := other.Receive(&got, time.Minute); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("an order that is too long was taken: %v", err)
	}
}

// Neither side talks to one that does not know the token: not an agent to a stranger, and
// not a coordinator to who answers in an agent's place.
func TestAnotherTokenIsRefused(t *testing.T) {
	l, greeted := listen(t)
	if _, err := control.Dial(context.Background(), l.Address(), []byte("a token of somebody else")); !errors.Is(err, control.ErrToken) {
		t.Errorf("the dialing side says %v", err)
	}
	if c := <-greeted; c != nil {
		t.Error("the agent took it")
	}
	stranger, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if c := <-greeted; c != nil {
		t.Error("the agent took what speaks no TLS")
	}
	_ = stranger.Close() // it was refused
	if _, err := control.Dial(context.Background(), l.Address(), []byte("short")); err == nil {
		t.Error("a short token was taken")
	}
	if _, err := control.Listen("127.0.0.1:0", []byte("short")); err == nil {
		t.Error("a short token was taken")
	}
}
