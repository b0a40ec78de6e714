package handshake

import (
	"bytes"

	"github.com/caravan-chat/caravan/netpoll/internal/grammar"
)

// field is one field line of a header, checked: a name that is a token, and a
// value without the whitespace around it.
type field struct{ name, value []byte }

// nextField takes the first line off the field lines of a header. why tells what
// is wrong with it; every line of lines ends in LF.
func nextField(lines []byte) (f field, rest []byte, why string) {
	line, rest, why := nextLine(lines)
	if why != "" {
		return field{}, nil, why
	}
	n := 0
	for n < len(line) && grammar.IsToken(line[n]) {
		n++
	}
	switch {
	case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
		return field{}, nil, "folded header line"
	case n == 0 || n == len(line) || line[n] != ':':
		return field{}, nil, "malformed header line"
	}
	value := trim(line[n+1:])
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7F {
			return field{}, nil, "control character in a header"
		}
	}
	return field{line[:n], value}, rest, ""
}

// ValidFields tells whether b is field lines and the empty line after them, each as
// Parse wants it.
func ValidFields(b []byte) bool {
	for !bytes.Equal(b, []byte("\r\n")) {
		_, rest, why := nextField(b)
		if why != "" {
			return false
		}
		b = rest
	}
	return true
}

// trim takes optional whitespace off both ends. Unlike bytes.Trim it leaves an
// empty value that is not nil.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// nextLine takes the first line off lines, without its end, which must be CRLF.
func nextLine(lines []byte) (line, rest []byte, why string) {
	end := bytes.IndexByte(lines, '\n')
	if end < 1 || lines[end-1] != '\r' {
		return nil, nil, "line does not end in CRLF"
	}
	return lines[:end-1], lines[end+1:], ""
}

// is tells whether the field has that name, in any case of letters.
func (f *field) is(name string) bool { return equalFold(f.name, name) }

// equalFold compares without regard to the case of ASCII letters; no others have
// one here.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// eachElement calls f with the elements of a comma-separated list, but for empty ones, until
// it returns false. It tells whether it never did.
func eachElement(list []byte, f func([]byte) bool) bool {
	for len(list) > 0 {
		var e []byte
		e, list, _ = bytes.Cut(list, []byte{','})
		if e = trim(e); len(e) > 0 && !f(e) {
			return false
		}
	}
	return true
}

// isToken tells whether all of b may stand in a token.
func isToken(b []byte) bool {
	for _, c := range b {
		if !grammar.IsToken(c) {
			return false
		}
	}
	return true
}

// listHas tells whether a comma-separated list has the element, in any case.
func listHas(list []byte, element string) bool {
	for len(list) > 0 {
		var e []byte
		e, list, _ = bytes.Cut(list, []byte{','})
		if equalFold(trim(e), element) {
			return true
		}
	}
	return false
}
