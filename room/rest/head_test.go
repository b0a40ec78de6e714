package rest

import "testing"

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
