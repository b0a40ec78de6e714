package protocol

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readData reads an application's data: a JSON object that every database keeps as it
// is but for its spelling. It is returned without white space; none is empty.
func (in *fields) readData() (string, *Error) {
	v := &in.data
	switch v.kind {
	case kindAbsent, kindNull:
		return "", nil
	case kindNested:
		data := appendCompact(nil, v.raw)
		if storableData(data) {
			return string(data), nil
		}
	}
	return "", ErrInvalidData
}

// StorableData reports whether data, which is what readData returns or empty, may be stored.
func StorableData(data string) bool {
	if data == "" {
		return true
	}
	var f fields
	return f.scan([]byte(data)) && storableData([]byte(data))
}

// storableData reports whether a JSON text, which a scanner has checked and which has no
// white space, may be stored: an object that is not too large or too deep, of strings that
// every database keeps.
func storableData(text []byte) bool {
	if text[0] != '{' {
		return false
	}
	size, depth := len(text), 0
	s := scanner{text: text}
	for s.at < len(text) && size <= DataBytesMax && depth <= DataDepthMax {
		switch c := s.peek(); {
		case c == '{' || c == '[':
			depth++
			s.at++
		case c == '}' || c == ']':
			depth--
			s.at++
		case c == '"':
			if v, _ := s.str(); v.escaped && !keepable(v.raw) {
				return false
			}
		case c == '-' || '0' <= c && c <= '9':
			start := s.at
			s.number()
			size += zeros(text[start:s.at])
		default: // a comma, a colon, or a letter of true, false and null
			s.at++
		}
	}
	return s.at == len(text) && size <= DataBytesMax
}

// keepable reports whether the inside of a JSON string has no escape of what PostgreSQL's
// jsonb does not keep: U+0000, and half of a surrogate pair.
func keepable(raw []byte) bool {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			i++
			continue
		}
		if raw[i+1] != 'u' {
			i += 2
			continue
		}
		r := escapedRune(raw[i:])
		i += 6
		if r == 0 {
			return false
		}
		if utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escapedRune(raw[i:])) == utf8.RuneError {
				return false
			}
			i += 6
		}
	}
	return true
}

// zeros is how many digits more a number may have once its exponent is written out, as
// PostgreSQL's jsonb does.
func zeros(number []byte) int {
	for i, c := range number {
		if c == 'e' || c == 'E' {
			n, err := strconv.Atoi(string(number[i+1:]))
			if err != nil || n > DataBytesMax || n < -DataBytesMax {
				return DataBytesMax
			}
			return max(n, -n)
		}
	}
	return 0
}
