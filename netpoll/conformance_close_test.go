package netpoll_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll"
)

func TestConformance7_Close(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	closing := func(payload string) []byte { return rawFrame(fin|opClose, payload) }
	after := func(b ...[]byte) []byte { return slices.Concat(b...) }
	cases := []conformance{
		{"echo, then close", after(rawFrame(fin|opText, "Hello World!"), closing(status(1000, ""))), append(texts("Hello World!"), "close 1000")},
		{"two closes", after(closing(status(1000, "")), closing(status(1001, ""))), []string{"close 1000"}},
		{"ping after close", after(closing(status(1000, "")), rawFrame(fin|opPing, "")), []string{"close 1000"}},
		{"text after close", after(closing(status(1000, "")), rawFrame(fin|opText, "too late")), []string{"close 1000"}},
		{"rubbish after close", after(closing(status(1000, "")), []byte("\xFF\xFF\xFF\xFF\xFF\xFF\xFF")), []string{"close 1000"}},
		{"close in a message", after(rawFrame(opText, "fragment1"), closing(status(1000, "")), rawFrame(fin|opContinuation, "fragment2")), []string{"close 1000"}},
		{"256 KiB, then close", after(rawFrame(fin|opBinary, strings.Repeat("B", 64<<10)), closing(status(1000, ""))), []string{event(opBinary, strings.Repeat("B", 64<<10)), "close 1000"}},
		{"no payload", closing(""), []string{event(opClose, "")}},
		failing("one byte", 1002, closing("\x03")),
		{"a reason", closing(status(1000, "Hello World!")), []string{"close 1000"}},
		{"longest reason", closing(status(1000, strings.Repeat("*", 123))), []string{"close 1000"}},
		failing("reason too long", 1002, closing(status(1000, strings.Repeat("*", 124)))),
		failing("reason not UTF-8", 1007, closing(status(1000, "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80\x65\x64"))),
	}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		cases = append(cases, conformance{fmt.Sprint("valid ", code), closing(status(code, "")), []string{fmt.Sprint("close ", code)}})
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, failing(fmt.Sprint("invalid ", code), 1002, closing(status(code, ""))))
	}
	conform(t, server, cases)
}

// Whatever the client does with its end, the server ends the connection in time.
func TestConformance7_TheServerEndsTheConnection(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	for name, sends := range map[string][]byte{
		"client closed":      rawFrame(fin|opClose, status(1000, "")),
		"protocol violation": {0xFF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := opened(t, server, "")
			c.write(sends)
			if _, _, _, err := c.next(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.in.ReadByte(); err != io.EOF {
				t.Fatal(err)
			}
			// The client keeps its end open, and keeps writing: at some time that fails.
			await.Until(t, "the end of the socket", func() bool {
				_, err := c.conn.Write(rawFrame(fin|opText, "still here"))
				return err != nil
			})
		})
	}
}
