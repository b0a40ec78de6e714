package netpoll_test

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/caravan-chat/caravan/netpoll"
)

// utf8Sequences are the boundaries of UTF-8, after the test that is commonly used
// for decoders; whether each is valid is what the standard library says.
var utf8Sequences = []string{
	"κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "",
	// First and last of each length.
	"\x00", "\u0080", "\u0800", "\U00010000", "\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80",
	"\x7F", "\u07FF", "\uFFFF", "\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF",
	"\uD7FF", "\uE000", "\uFFFD", "\U0010FFFF", "\xF4\x90\x80\x80",
	// Continuation bytes alone, first bytes alone.
	"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80\xBF\x80\xBF", "\xC0 ", "\xC2 ", "\xE0 \xEF ", "\xF0 \xF7 ", "\xFC \xFD ", "\xFE", "\xFF", "\xFE\xFE\xFF\xFF",
	// Cut.
	"\xC2", "\xE0\xA0", "\xEF\xBF", "\xF0\x90\x80", "\xF4\x8F\xBF", "\xF0\x90", "\xC2\xE0\xA0",
	// Overlong.
	"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xC0\x80", "\xE0\x80\x80",
	// Surrogates.
	"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xBF\xBF", "\xED\xA0\x80\xED\xB0\x80", "\xED\x9F\xBF",
	// No characters, but valid.
	"\uFFFE", "\U0001FFFE", "\U0010FFFF\uFDD0",
	// Far into a long text.
	"this one is long enough to be checked by words instead of bytes: \xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
}

func TestConformance6_UTF8(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	var cases []conformance
	for i, s := range utf8Sequences {
		for _, n := range []int{len(s) + 1, 1, 2} {
			frames := fragments(opText, s, n)
			name := fmt.Sprintf("%d in fragments of %d", i, n)
			if utf8.ValidString(s) {
				cases = append(cases, normally(name, frames, event(opText, s)))
			} else {
				cases = append(cases, failing(name, 1007, frames))
			}
		}
	}
	conform(t, server, cases)
}

// What is wrong is found when its byte comes, not when its frame or its message
// is complete.
func TestConformance6_4_FailFast(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	const good, wrong = "κόσμε", "\xF4\x90"
	for name, sends := range map[string][]byte{
		"in a fragment that is not the last": append(rawFrame(opText, good), rawFrame(opContinuation, wrong+"\x80\x80")...),
		"in the first fragment":              rawFrame(opText, good+wrong),
		"in the middle of a frame":           rawFrame(fin|opText, good+wrong+"\x80\x80edited")[:6+len(good)+2],
		"in the middle of a continuation":    append(rawFrame(opText, good+"\xF4"), rawFrame(fin|opContinuation, "\x90\x80 and more")[:7]...),
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{len(sends), 1} {
				c, _ := opened(t, server, "")
				c.chopped(sends, piece)
				if heard := c.untilEnd(); len(heard) != 1 || heard[0] != "close 1007" {
					t.Errorf("%q", heard)
				}
			}
		})
	}
	// What may still become right is waited for.
	c, _ := opened(t, server, "")
	c.write(append(rawFrame(opText, good+"\xF4\x8F"), rawFrame(fin|opPing, "?")...))
	if op, _, _, err := c.next(); err != nil || op != opPong {
		t.Fatal(op, err)
	}
	c.write(rawFrame(fin|opContinuation, "\xBF\xBF"))
	if op, payload, _, err := c.next(); err != nil || op != opText || payload != good+"\U0010FFFF" {
		t.Fatalf("%x %q %v", op, payload, err)
	}
}
