package protocol

import "github.com/google/uuid"

// The lengths of the two forms of an id.
const (
	idHyphenated = 36
	idBare       = 32
)

// ParseID reads an id as clients write it: a UUID as 32 hexadecimal digits of
// any case, all with the four hyphens of the canonical form or without any.
// Nothing else is an id: no braces, no URN, no white space. It does not allocate.
func ParseID[T string | []byte](s T) (id uuid.UUID, ok bool) {
	hyphenated := len(s) == idHyphenated
	if !hyphenated && len(s) != idBare {
		return uuid.Nil, false
	}
	at := 0
	for i := range id {
		if hyphenated && (i == 4 || i == 6 || i == 8 || i == 10) {
			if s[at] != '-' {
				return uuid.Nil, false
			}
			at++
		}
		high, low := hexValue[s[at]], hexValue[s[at+1]]
		if high|low > 15 {
			return uuid.Nil, false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return id, true
}

// hexValue is the value of a hexadecimal digit, and 0xFF of any other byte.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i := range byte(16) {
		t[hexDigits[i]] = i
		t["0123456789ABCDEF"[i]] = i
	}
	return t
}()

// appendUUID appends id as a JSON string in the canonical form.
func appendUUID(dst []byte, id uuid.UUID) []byte {
	var text [idHyphenated + 2]byte
	at := 1
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[b>>4], hexDigits[b&15]
		at += 2
	}
	text[0], text[at] = '"', '"'
	return append(dst, text[:]...)
}
