package handshake

// HeaderBytesMax is the greatest size of a header block, request line included.
const HeaderBytesMax = 16 << 10

// HeaderEnd looks for the end of the header block that b begins with and returns
// how many bytes of b Parse is to judge, or -1 where more bytes are needed. That
// is the whole block, or, as early as it is certain that no acceptable block can
// come of it (a control character, HeaderBytesMax exceeded), enough of it for
// Parse to refuse it. from is how many bytes of b an earlier call has seen in
// vain; 0 at first.
func HeaderEnd(b []byte, from int) int { return -1 }

// Parse judges a block that HeaderEnd found and fills r with it. A refusal is to
// be sent, and the connection to be closed.
func Parse(block []byte, r *Request) (Kind, *Refusal) { return HTTP, nil }

// AppendAccept appends the response that completes the handshake of a request
// of Kind WebSocket. With compress the answer takes up r.Deflate, where the
// client made an acceptable offer.
func AppendAccept(dst []byte, r *Request, compress bool) []byte { return dst }
