package rest

import (
	"strings"
	"testing"
)

func TestPeekReadsWhatIsNoWholeHeader(t *testing.T) {
	for _, c := range []struct{ name, head, want string }{
		{"whole", "GET / HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\n\r\n", "https://a"},
		{"another case", "GET / HTTP/1.1\r\noRIGIN:https://a \t\r\n", "https://a"},
		{"the first of two", "GET / HTTP/1.1\r\nOrigin: https://a\r\nOrigin: https://b\r\n", "https://a"},
		{"bare newlines", "GET / HTTP/1.1\nOrigin: https://a\n\n", "https://a"},
		{"cut within the value", "GET / HTTP/1.1\r\nOrigin: https://a", ""},
		{"cut within the name", "GET / HTTP/1.1\r\nOrig", ""},
		{"in the request line", "Origin: https://a\r\n", ""},
		{"part of a name", "GET / HTTP/1.1\r\nX-Origin: https://a\r\n", ""},
		{"a lone CR in it", "GET / HTTP/1.1\r\nOrigin: https://a\rSet-Cookie: x\r\n", ""},
		{"in the body", "POST / HTTP/1.1\r\nHost: h\r\n\r\nOrigin: https://a\r\n", ""},
		{"in the body, bare newlines", "POST / HTTP/1.1\n\nOrigin: https://a\n", ""},
		{"nothing", "", ""},
	} {
		if got := peek([]byte(c.head), "Origin"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAHeadEndsWithItsEmptyLine(t *testing.T) {
	const text = "POST / HTTP/1.1\r\nOrigin: https://a\r\n\r\n"
	for cut := range len(text) {
		var h requestHead
		h.note([]byte(text[:cut]))
		h.note(nil)
		if h.whole {
			t.Fatalf("whole after %d bytes", cut)
		}
		h.note([]byte(text[cut:]))
		h.note([]byte("Origin: https://b\r\n"))
		if !h.whole || string(h.bytes) != text {
			t.Fatalf("cut after %d bytes: %q", cut, h.bytes)
		}
	}
	var long requestHead
	long.note([]byte(strings.Repeat("x", headerBytesMax-1)))
	long.note([]byte("xx"))
	if !long.whole || len(long.bytes) != headerBytesMax {
		t.Errorf("%d bytes are kept", len(long.bytes))
	}
}
