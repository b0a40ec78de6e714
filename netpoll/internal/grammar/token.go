// Package grammar is the part of HTTP's grammar that both the handshake and its
// extensions are written in.
package grammar

import "strings"

// IsToken tells whether c may stand in a token (RFC 9110 section 5.6.2).
func IsToken(c byte) bool { return tokenBytes[c] }

var tokenBytes = func() (set [256]bool) {
	for i := range set {
		c := byte(i)
		set[i] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
	return set
}()
