package netpoll_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll"
)

// echoed sends frames while it reads, and wants one message back.
func (c *raw) echoed(frames []byte, piece int, op byte, want string) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(await.Limit))
	written := make(chan error, 1)
	go func() {
		for len(frames) > 0 {
			n := min(piece, len(frames))
			if _, err := c.conn.Write(frames[:n]); err != nil {
				written <- err
				return
			}
			frames = frames[n:]
		}
		written <- nil
	}()
	gotOp, got, _, err := c.next()
	for err == nil && gotOp == opPing { // a silent client is asked whether it lives
		gotOp, got, _, err = c.next()
	}
	if err != nil || gotOp != op || got != want {
		c.t.Errorf("%x of %d bytes, %v; not %d bytes", gotOp, len(got), err, len(want))
	}
	if err := await.Value(c.t, "the write", written); err != nil {
		c.t.Error(err)
	}
}

func TestConformance9_Sizes(t *testing.T) {
	const most = 16 << 20
	server := echoServer(t, netpoll.Config{MessageBytesMax: most, OutboxBytesMax: 4 * most})
	c, _ := opened(t, server, "")
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20, most} {
		text, bin := strings.Repeat("ä", size/2), strings.Repeat("\xFE", size)
		c.echoed(rawFrame(fin|opText, text), size, opText, text)
		c.echoed(rawFrame(fin|opBinary, bin), size, opBinary, bin)
	}
	text := strings.Repeat("€", 1<<20/3)
	for _, fragment := range []int{64, 256, 1 << 10, 64 << 10} {
		c.echoed(fragments(opText, text, fragment), 1<<20, opText, text)
		c.echoed(fragments(opBinary, text, fragment), 1<<20, opBinary, text)
	}
	for _, chop := range []int{128, 1 << 10} {
		c.echoed(rawFrame(fin|opText, text), chop, opText, text)
	}
	for _, size := range []int{0, 16, 64, 256, 1 << 10} {
		payload := strings.Repeat("*", size)
		for range 200 {
			c.echoed(rawFrame(fin|opText, payload), size+14, opText, payload)
		}
	}
}

func TestConformance9_TooBig(t *testing.T) {
	const most = 100 << 10
	server := echoServer(t, netpoll.Config{MessageBytesMax: most})
	exact := strings.Repeat("x", most)
	conform(t, server, []conformance{
		normally("exactly", rawFrame(fin|opText, exact), texts(exact)...),
		normally("exactly, in fragments", fragments(opText, exact, 1000), texts(exact)...),
		failing("one more", 1009, rawFrame(fin|opText, exact+"x")[:10]),
		failing("one more, in fragments", 1009, fragments(opText, exact+"x", 1000)),
		failing("by far, at the header", 1009, []byte{fin | opBinary, 0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
		failing("fragments without end", 1009, fragments(opText, strings.Repeat("x", 1024+most/64+1), 1)),
	})
}

// A binary message that nobody wants is refused before any of its bytes are kept.
func TestTextOnlyRefusesABinaryMessageAtItsSecondByte(t *testing.T) {
	server := echoServer(t, netpoll.Config{TextOnly: true})
	conform(t, server, []conformance{
		normally("text", rawFrame(fin|opText, "a"), texts("a")...),
		failing("whole", 1003, rawFrame(fin|opBinary, "a")),
		failing("unmasked", 1002, []byte{fin | opBinary, 1, 'a'}),
		failing("first fragment", 1003, rawFrame(opBinary, "a")[:2]),
		failing("after a text", 1003, append(rawFrame(fin|opText, "a"), rawFrame(opBinary, "")...), texts("a")...),
	})
}

// Many clients that announce the greatest message and send little of it.
func TestAnnouncedBytesAreNotAllocated(t *testing.T) {
	const most, clients, announcement = 64 << 20, 50, 16
	server := echoServer(t, netpoll.Config{MessageBytesMax: most})
	var all []*raw
	for range clients {
		c, _ := opened(t, server, "")
		all = append(all, c)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for _, c := range all {
		c.write([]byte{fin | opBinary, 0x80 | 127, 0, 0, 0, 0, most >> 24, 0, 0, 0, 1, 2, 3, 4, 'a', 'b'})
	}
	await.Until(t, "the announcements", func() bool {
		return server.Stats().BytesIn >= clients*uint64(len(upgradeRequest)+2+announcement)
	})
	other, _ := opened(t, server, "")
	other.echoed(rawFrame(fin|opText, "unharmed"), 100, opText, "unharmed")
	if grown := int64(heap()) - int64(before); grown > clients*(8<<10) {
		t.Errorf("%d bytes for %d clients", grown, clients)
	}
	runtime.KeepAlive(all)
}
