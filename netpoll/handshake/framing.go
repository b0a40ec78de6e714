package handshake

import "bytes"

// framing gathers what the fields say about where a request's body ends (RFC 9112
// section 6) and whether another request follows it (section 9.3).
type framing struct {
	lengths   int  // how often Content-Length stands there
	malformed bool // one of them is no number
	length    int64
	codings   int // how often Transfer-Encoding stands there
	chunked   bool
	close     bool // Connection lists close
	keepAlive bool // Connection lists keep-alive
}

// addLength takes up a Content-Length. More digits than lengthDigitsMax are no length
// of anything.
func (f *framing) addLength(digits []byte) {
	f.lengths++
	n := int64(0)
	for _, c := range digits {
		f.malformed = f.malformed || !digit(c)
		n = n*10 + int64(c-'0')
	}
	f.malformed = f.malformed || len(digits) == 0 || len(digits) > lengthDigitsMax
	f.length = max(f.length, n)
}

const lengthDigitsMax = 18

// addCoding takes up a Transfer-Encoding. chunked alone is understood.
func (f *framing) addCoding(coding []byte) {
	f.codings++
	f.chunked = equalFold(coding, "chunked")
}

// judge fills in how r's body ends, or says why that cannot be told for sure: then a
// proxy on the way might have seen another request than this one.
func (f *framing) judge(r *Request) (why string) {
	switch {
	case f.malformed:
		return "malformed Content-Length"
	case f.lengths > 1 && f.length > 0: // several that say zero are harmless, and proxies make them
		return "more than one Content-Length"
	case f.codings > 0 && (f.codings > 1 || !f.chunked || f.lengths > 0 || r.old):
		return "Transfer-Encoding must be chunked, alone, and of HTTP/1.1"
	}
	r.Length, r.Chunked = f.length, f.chunked
	r.Last = f.close || r.old && !f.keepAlive
	return ""
}

// Continue tells whether the client waits for 100 Continue before it sends the body
// (RFC 9110 section 10.1.1). ok is false where it expects something that is not known.
func (r *Request) Continue() (waits, ok bool) {
	expected := r.Header("Expect")
	waits = equalFold(expected, "100-continue") && !r.old
	return waits, waits || r.old || len(bytes.TrimSpace(expected)) == 0
}
