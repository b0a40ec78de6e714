package protocol

import (
	"math/bits"
	"unicode/utf8"
)

// quotable[b] says that the byte b stands for itself in a JSON string, as far as
// one can tell from a single byte.
var quotable = func() (t [256]bool) {
	for b := range t {
		t[b] = b >= ' ' && b != '"' && b != '\\'
	}
	return t
}()

// One byte in each byte of a word.
const (
	eachLow  = 0x0101010101010101
	eachHigh = eachLow * utf8.RuneSelf
)

// plain returns how many bytes s begins with that stand for themselves in a JSON
// string: no quote, backslash or control character. It looks at eight bytes at a
// time; a difference sets the high bit of a byte that it makes negative, and a
// borrow can spoil only the bytes above that one.
func plain[T string | []byte](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, backslash := w^eachLow*'"', w^eachLow*'\\'
		found := (w - eachLow*' ') &^ w
		found |= (quote - eachLow) &^ quote
		found |= (backslash - eachLow) &^ backslash
		if found &= eachHigh; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s) && quotable[s[i]]; i++ {
	}
	return i
}
