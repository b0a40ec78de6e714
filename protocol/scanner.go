package protocol

// nestingMax is how deep objects and arrays may lie in each other, the outermost
// included: the limit of encoding/json.
const nestingMax = 10_000

// scanner walks over one JSON text. It accepts the texts that encoding/json
// accepts, needs no memory of its own beyond the stack, and does not recurse, so
// that no text can exhaust either.
type scanner struct {
	text []byte
	at   int // text[:at] was accepted
}

// space goes over white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0, which begins nothing in JSON, at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// eat goes over the byte c, which is not 0, if it is the next.
func (s *scanner) eat(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// word goes over w if the text goes on with it.
func (s *scanner) word(w string) bool {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// end says whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}

// key reads a key and goes over the colon and the white space around it.
func (s *scanner) key() (v value, ok bool) {
	v, ok = s.str()
	if !ok {
		return v, false
	}
	s.space()
	ok = s.eat(':')
	s.space()
	return v, ok
}

// value reads the value that begins here, whatever it is.
func (s *scanner) value() (value, bool) {
	if c := s.peek(); c == '{' || c == '[' {
		start := s.at
		ok := s.nested()
		return value{kind: kindNested, raw: s.text[start:s.at]}, ok
	}
	return s.scalar()
}

// scalar reads a value that holds no others.
func (s *scanner) scalar() (value, bool) {
	switch s.peek() {
	case '"':
		return s.str()
	case 't':
		return value{kind: kindTrue}, s.word("true")
	case 'f':
		return value{kind: kindFalse}, s.word("false")
	case 'n':
		return value{kind: kindNull}, s.word("null")
	}
	start := s.at
	ok := s.number()
	return value{kind: kindNumber, raw: s.text[start:s.at]}, ok
}

// str reads a string.
func (s *scanner) str() (value, bool) {
	v := value{kind: kindString}
	if !s.eat('"') {
		return v, false
	}
	start := s.at
	for {
		s.at += plain(s.text[s.at:])
		switch s.peek() {
		case '"':
			v.raw = s.text[start:s.at]
			s.at++
			return v, true
		case '\\':
			v.escaped = true
			if !s.escape() {
				return v, false
			}
		default: // a control character, or the end
			return v, false
		}
	}
}

// escape goes over a backslash and what belongs to it.
func (s *scanner) escape() bool {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return true
	case 'u':
		s.at++
		if len(s.text)-s.at < 4 {
			return false
		}
		for _, c := range s.text[s.at : s.at+4] {
			if hexValue[c] > 15 {
				return false
			}
		}
		s.at += 4
		return true
	}
	return false
}

// number goes over a number.
func (s *scanner) number() bool {
	s.eat('-')
	if !s.eat('0') && !s.digits() {
		return false
	}
	if s.eat('.') && !s.digits() {
		return false
	}
	if s.eat('e') || s.eat('E') {
		if !s.eat('+') {
			s.eat('-')
		}
		return s.digits()
	}
	return true
}

// digits goes over one or more digits.
func (s *scanner) digits() bool {
	start := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > start
}
