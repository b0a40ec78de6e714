package protocol

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"
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
	raw     []byte // of a string: what stands between the quotes, a part of the text
}

// unescapedBytes is the room that readers of strings keep on the stack for a
// string with escapes. A longer one costs an allocation.
const unescapedBytes = 512

// text returns what a string value says: a part of the JSON text itself, or,
// where that has escapes, appended to buf.
func (v *value) text(buf []byte) []byte {
	if !v.escaped {
		return v.raw
	}
	return appendUnescaped(buf, v.raw)
}

// id reads a string value as an id.
func (v *value) id() (uuid.UUID, bool) {
	if v.kind != kindString {
		return uuid.Nil, false
	}
	var buf [unescapedBytes]byte
	return ParseID(v.text(buf[:0]))
}

// appendUnescaped appends what the inside of a JSON string says. raw was checked
// by a scanner. Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		c = raw[i+1]
		if c != 'u' {
			dst = append(dst, unescaped(c))
			i += 2
			continue
		}
		r := escapedRune(raw[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, escapedRune(raw[i:])) // U+FFFD unless they are a pair
			if r != utf8.RuneError {
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
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

// escapedRune is the rune of the \uXXXX that raw begins with, or U+FFFD if it
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
