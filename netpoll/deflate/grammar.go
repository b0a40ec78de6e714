package deflate

import "github.com/caravan-chat/caravan/netpoll/internal/grammar"

// scanner reads the grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1, in
// the terms of RFC 9110 section 5.6). It never allocates.
type scanner struct {
	b []byte // what is still to be read
}

// spaces skips optional whitespace.
func (s *scanner) spaces() {
	for len(s.b) > 0 && (s.b[0] == ' ' || s.b[0] == '\t') {
		s.b = s.b[1:]
	}
}

// take skips whitespace and then one c, if that is next.
func (s *scanner) take(c byte) bool {
	s.spaces()
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// end tells whether only whitespace is left.
func (s *scanner) end() bool {
	s.spaces()
	return len(s.b) == 0
}

// token reads a token; it is empty where none is next.
func (s *scanner) token() []byte {
	s.spaces()
	n := 0
	for n < len(s.b) && grammar.IsToken(s.b[n]) {
		n++
	}
	t := s.b[:n]
	s.b = s.b[n:]
	return t
}

// valueBytesMax is the length from which on a parameter's value is cut: longer
// than any value that means something.
const valueBytesMax = 8

// value is a parameter's value, short enough to be kept without allocation.
type value struct {
	bytes [valueBytesMax]byte
	n     int
	given bool
}

func (v *value) add(c byte) {
	if v.n < len(v.bytes) {
		v.bytes[v.n] = c
		v.n++
	}
}

// value reads what stands after a parameter's "=": a token, or a quoted string
// whose content is one. ok is false where neither is next.
func (s *scanner) value() (v value, ok bool) {
	v.given = true
	if !s.take('"') {
		t := s.token()
		for _, c := range t {
			v.add(c)
		}
		return v, len(t) > 0
	}
	for some := false; len(s.b) > 0; some = true {
		c := s.b[0]
		s.b = s.b[1:]
		if c == '"' {
			return v, some
		}
		if c == '\\' && len(s.b) > 0 {
			c = s.b[0]
			s.b = s.b[1:]
		}
		if !grammar.IsToken(c) {
			return v, false
		}
		v.add(c)
	}
	return v, false // the quote is not closed
}
