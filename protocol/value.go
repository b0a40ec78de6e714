package protocol

import (
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what a JSON value is.
type kind uint8

const (
	kindAbsent kind = iota // the object has no such key
	kindNull
	kindTrue
	kindFalse
	kindNumber
	kindString
	kindNested // an object or an array
)

// value is one value of a JSON text that a scanner has checked.
type value struct {
	kind    kind
	escaped bool   // a string that holds a backslash
	raw     []byte // of a string: what stands between the quotes; of a number: its digits; of what is nested: all. A part of the text
}

// text returns what a string value says: a part of the JSON text itself, or,
// where that has escapes, appended to buf.
func (v *value) text(buf []byte) []byte {
	if !v.escaped {
		return v.raw
	}
	return appendUnescaped(buf, v.raw)
}

// appendUnescaped appends what the inside of a JSON string says. raw was checked
// by a scanner. Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func appendUnescaped(dst, raw []byte) []byte {
	for {
		n := plain(raw)
		dst = append(dst, raw[:n]...)
		if raw = raw[n:]; len(raw) == 0 {
			return dst
		}
		if c := raw[1]; c != 'u' { // raw[0] is a backslash
			dst = append(dst, unescaped(c))
			raw = raw[2:]
			continue
		}
		r := escapedRune(raw)
		raw = raw[6:]
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, escapedRune(raw)) // U+FFFD unless they are a pair
			if r != utf8.RuneError {
				raw = raw[6:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
}

// unescaped is what a backslash and c mean, for any c but u.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a backslash or a slash
}

// escapedRune is the rune of the \u escape that raw begins with, or U+FFFD if it
// begins with anything else.
func escapedRune(raw []byte) (r rune) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return utf8.RuneError
	}
	for _, c := range raw[2:6] {
		r = r<<4 | rune(hexValue[c])
	}
	return r
}
