package grammar

import "testing"

func TestTokenIsVisibleASCIIWithoutDelimiters(t *testing.T) {
	const delimiters = `"(),/:;<=>?@[\]{}`
	not := map[byte]bool{}
	for _, c := range []byte(delimiters) {
		not[c] = true
	}
	for i := range 256 {
		c := byte(i)
		want := c > ' ' && c < 0x7F && !not[c]
		if IsToken(c) != want {
			t.Errorf("IsToken(%q) = %v", c, !want)
		}
	}
}
