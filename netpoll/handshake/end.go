package handshake

// HeaderBytesMax is the greatest size of a header block, request line included.
const HeaderBytesMax = 16 << 10

// HeaderEnd looks for the end of the header block that b begins with and returns
// how many bytes of b Parse is to judge, or -1 where more bytes are needed. That
// is the whole block, or, as soon as it is certain that no acceptable block can
// come of b (a control character, a line without CRLF, more than HeaderBytesMax),
// enough of it for Parse to refuse it. from is how many bytes of b an earlier
// call has seen in vain; 0 at first.
func HeaderEnd(b []byte, from int) int {
	for i := from; i < min(len(b), HeaderBytesMax); i++ {
		c := b[i]
		afterCR := i > 0 && b[i-1] == '\r'
		switch {
		case c == '\n':
			if !afterCR || i >= 3 && b[i-2] == '\n' {
				return i + 1
			}
		case afterCR, c < ' ' && c != '\r' && c != '\t', c == del:
			return i + 1
		}
	}
	if len(b) > HeaderBytesMax {
		return HeaderBytesMax + 1
	}
	return -1
}

const del = 0x7F
