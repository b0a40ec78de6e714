package netpoll_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
)

func TestConformance1_Framing(t *testing.T) {
	server := echoServer(t, netpoll.Config{MessageBytesMax: 1 << 20})
	var cases []conformance
	for _, n := range []int{0, 1, 124, 125, 126, 127, 128, 65535, 65536} {
		text, bin := strings.Repeat("*", n), strings.Repeat("\xFE", n)
		cases = append(cases,
			normally(fmt.Sprint("text of ", n), rawFrame(fin|opText, text), event(opText, text)),
			normally(fmt.Sprint("binary of ", n), rawFrame(fin|opBinary, bin), event(opBinary, bin)))
	}
	conform(t, server, append(cases,
		failing("length not minimal, 16 bits", 1002, []byte{fin | opText, 0x80 | 126, 0, 5, 1, 2, 3, 4}),
		failing("length not minimal, 64 bits", 1002, []byte{fin | opText, 0x80 | 127, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4}),
		failing("length with its highest bit", 1002, []byte{fin | opText, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}),
		failing("not masked", 1002, []byte{fin | opText, 2, 'h', 'i'}),
		failing("not masked, after a good one", 1002, append(rawFrame(fin|opText, "a"), fin|opText, 0), texts("a")...),
		failing("HTTP instead of frames", 1002, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
		normally("a hundred in one segment", slices.Repeat(rawFrame(fin|opText, "x"), 100), slices.Repeat(texts("x"), 100)...),
	))
}

func TestConformance2_PingsAndPongs(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	longest := strings.Repeat("\xFE", 125)
	var ten []byte
	var pongs []string
	for i := range 10 {
		ten = append(ten, rawFrame(fin|opPing, fmt.Sprint("payload-", i))...)
		pongs = append(pongs, event(opPong, fmt.Sprint("payload-", i)))
	}
	conform(t, server, []conformance{
		normally("empty", rawFrame(fin|opPing, ""), event(opPong, "")),
		normally("text", rawFrame(fin|opPing, "Hello, world!"), event(opPong, "Hello, world!")),
		normally("bytes", rawFrame(fin|opPing, "\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF"), event(opPong, "\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF")),
		normally("longest", rawFrame(fin|opPing, longest), event(opPong, longest)),
		normally("unasked pongs", append(rawFrame(fin|opPong, ""), rawFrame(fin|opPong, "unasked")...)),
		normally("pong, then ping", append(rawFrame(fin|opPong, "a"), rawFrame(fin|opPing, "b")...), event(opPong, "b")),
		normally("ten", ten, pongs...),
		failing("too long", 1002, rawFrame(fin|opPing, longest+"x")),
		failing("fragmented", 1002, append(rawFrame(opPing, "a"), rawFrame(fin|opContinuation, "b")...)),
		failing("fragmented pong", 1002, rawFrame(opPong, "")),
	})
}

// Pings are answered while a message is being sent, also inside of it.
func TestConformance2_PingsDuringAMessage(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	c, _ := opened(t, server, "")
	for i, part := range []byte{opText, opContinuation, opContinuation, fin | opContinuation} {
		c.write(rawFrame(part, fmt.Sprint(i)))
		c.write(rawFrame(fin|opPing, fmt.Sprint(i)))
		if part == fin|opContinuation {
			break
		}
		if op, payload, _, err := c.next(); err != nil || op != opPong || payload != fmt.Sprint(i) {
			t.Fatalf("%x %q, %v", op, payload, err)
		}
	}
	for _, want := range []string{event(opText, "0123"), event(opPong, "3")} {
		if op, payload, _, err := c.next(); err != nil || event(op, payload) != want {
			t.Fatalf("%x %q, %v; not %s", op, payload, err, want)
		}
	}
}

func TestConformance3_ReservedBits(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true}) // but not offered
	var cases []conformance
	for bits := byte(0x10); bits <= 0x70; bits += 0x10 {
		for _, op := range []byte{opText, opBinary, opPing, opClose} {
			cases = append(cases, failing(fmt.Sprintf("%x", bits|op), 1002, append(rawFrame(fin|opText, "a"), rawFrame(fin|bits|op, "")...), texts("a")...))
		}
	}
	conform(t, server, cases)
}

func TestConformance4_Opcodes(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	var cases []conformance
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "reserved opcode payload"} {
			cases = append(cases,
				failing(fmt.Sprintf("%x", op), 1002, rawFrame(fin|op, payload)),
				failing(fmt.Sprintf("%x after a message", op), 1002, append(rawFrame(fin|opText, "a"), rawFrame(fin|op, payload)...), texts("a")...))
		}
	}
	conform(t, server, cases)
}

func TestConformance5_Fragmentation(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	f := func(first byte, payload string) []byte { return rawFrame(first, payload) }
	conform(t, server, []conformance{
		normally("two", slices.Concat(f(opText, "fragment1"), f(fin|opContinuation, "fragment2")), texts("fragment1fragment2")...),
		normally("two, ping between", slices.Concat(f(opText, "fragment1"), f(fin|opPing, "p"), f(fin|opContinuation, "fragment2")),
			event(opPong, "p"), event(opText, "fragment1fragment2")),
		normally("pong between", slices.Concat(f(opText, "fragment1"), f(fin|opPong, "p"), f(fin|opContinuation, "fragment2")), texts("fragment1fragment2")...),
		normally("binary, empty in the middle", slices.Concat(f(opBinary, "a"), f(opContinuation, ""), f(fin|opContinuation, "b")), event(opBinary, "ab")),
		normally("all empty", slices.Concat(f(opText, ""), f(opContinuation, ""), f(fin|opContinuation, "")), texts("")...),
		normally("a thousand of one byte", fragments(opText, strings.Repeat("x", 1000), 1), texts(strings.Repeat("x", 1000))...),
		normally("five, pings between, two messages", slices.Concat(f(opText, "1"), f(opContinuation, "2"), f(fin|opPing, "p"), f(opContinuation, "3"), f(opContinuation, "4"),
			f(fin|opPing, "q"), f(fin|opContinuation, "5"), f(opBinary, "6"), f(fin|opContinuation, "7")),
			event(opPong, "p"), event(opPong, "q"), event(opText, "12345"), event(opBinary, "67")),
		failing("continuation of nothing", 1002, f(fin|opContinuation, "x")),
		failing("unfinished continuation of nothing", 1002, slices.Concat(f(opContinuation, "x"), f(fin|opContinuation, "y"))),
		failing("continuation after a message", 1002, slices.Concat(f(opText, "a"), f(fin|opContinuation, "b"), f(fin|opContinuation, "c")), texts("ab")...),
		failing("new message inside", 1002, slices.Concat(f(opText, "a"), f(fin|opText, "b"))),
		failing("new fragmented message inside", 1002, slices.Concat(f(opText, "a"), f(opContinuation, "b"), f(opText, "c"), f(fin|opContinuation, "d"))),
		{"close inside", slices.Concat(f(opText, "a"), f(fin|opClose, status(1001, ""))), []string{"close 1001"}},
	})
}

// A fragmented message may take its time.
func TestConformance5_SlowFragments(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	c, _ := opened(t, server, "")
	for _, b := range fragments(opText, "slow but steady", 3) {
		c.write([]byte{b})
		time.Sleep(2 * time.Millisecond)
	}
	c.write(rawFrame(fin|opClose, ""))
	if heard := c.untilEnd(); !slices.Equal(heard, []string{event(opText, "slow but steady"), event(opClose, "")}) {
		t.Errorf("%q", heard)
	}
}
