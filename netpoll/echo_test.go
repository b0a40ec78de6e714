package netpoll

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

func TestEcho(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, MessageBytesMax: 32 << 20})
	c := dial(t, s)
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
		text := strings.Repeat("a", size)
		go c.send(text)
		c.expect(text)
	}
	c.write(masked(ws.OpBinary, "\xff\x00"))
	if op, p, err := c.frame(); op != ws.OpBinary || p != "\xff\x00" || err != nil {
		t.Fatal(op, p, err)
	}
	c.write(masked(ws.OpClose, "\x03\xe8bye"))
	if code, reason := c.expectClose(); code != CloseNormal || reason != "bye" {
		t.Fatal(code, reason)
	}
}

func TestBytesInTheSegmentOfTheHandshake(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}})
	c := connect(t, s)
	c.write(append([]byte(plainRequest), masked(ws.OpText, "early")...))
	c.response()
	c.expect("early")
}

func TestOneByteAtATime(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}})
	c := connect(t, s)
	for _, b := range append([]byte(plainRequest), masked(ws.OpText, "slow")...) {
		c.write([]byte{b})
		time.Sleep(100 * time.Microsecond)
	}
	c.response()
	c.expect("slow")
}

// One writev takes 1,024 buffers at most.
func TestThousandsOfMessagesInOneTurn(t *testing.T) {
	const messages = 3000
	s := start(t, Config{Loops: 1, Handler: funcs{message: func(c *Conn, _ Kind, _ []byte) {
		for i := range messages {
			c.SendText(fmt.Append(nil, i))
		}
	}}})
	c := dial(t, s)
	await.Until(t, "open", func() bool { return s.Stats().Open == 1 })
	before := s.Stats().Writes
	c.send("go")
	for i := range messages {
		c.expect(fmt.Sprint(i))
	}
	await.Until(t, "counted", func() bool { return s.Stats().Writes == before+3 })
}

func TestManyMessagesInOneSegmentAreOneWrite(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1})
	c := dial(t, s)
	c.send("first")
	c.expect("first")
	await.Until(t, "counted", func() bool { return s.Stats().Deliveries == 1 })
	before := s.Stats()
	var b []byte
	for range 100 {
		b = append(b, masked(ws.OpText, "x")...)
	}
	c.write(b)
	for range 100 {
		c.expect("x")
	}
	await.Until(t, "counted", func() bool { return s.Stats().Deliveries == before.Deliveries+100 })
	if n := s.Stats().Writes - before.Writes; n != 1 {
		t.Errorf("%d writes for one turn", n)
	}
}
