package protocol

// Trace is a place in a trace, as W3C Trace Context names it: which trace it is, and which span
// of it.
type Trace struct {
	ID      [16]byte
	Span    [8]byte
	Sampled bool // it is recorded
}

// traceparentBytes is what version 00 of a traceparent has: 00-ID-SPAN-FLAGS in hexadecimal.
const traceparentBytes = 2 + 1 + 32 + 1 + 16 + 1 + 2

// traceSampled is the flag of a trace that is recorded.
const traceSampled = 1

// ParseTrace reads a traceparent. What is none, as the standard wants, counts for nothing.
func ParseTrace(s []byte) (t Trace, ok bool) {
	if len(s) < traceparentBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return Trace{}, false
	}
	var version, flags [1]byte
	if !lowerHex(version[:], s[:2]) || !lowerHex(t.ID[:], s[3:35]) || !lowerHex(t.Span[:], s[36:52]) || !lowerHex(flags[:], s[53:55]) {
		return Trace{}, false
	}
	switch {
	case version[0] == 0xff, t.ID == [16]byte{}, t.Span == [8]byte{}:
		return Trace{}, false
	case len(s) > traceparentBytes && (version[0] == 0 || s[traceparentBytes] != '-'): // later versions may say more
		return Trace{}, false
	}
	t.Sampled = flags[0]&traceSampled != 0
	return t, true
}

// lowerHex reads two digits for each byte of dst.
func lowerHex(dst, digits []byte) bool {
	for i := range dst {
		for _, c := range digits[2*i : 2*i+2] {
			switch {
			case c >= '0' && c <= '9':
				c -= '0'
			case c >= 'a' && c <= 'f':
				c -= 'a' - 10
			default:
				return false
			}
			dst[i] = dst[i]<<4 | c
		}
	}
	return true
}

// readTrace reads the traceparent of a frame; nil: it has none that counts.
func (in *fields) readTrace() *Trace {
	if in.traceparent.kind != kindString || len(in.traceparent.raw) > len(in.scratch) {
		return nil
	}
	t, ok := ParseTrace(in.text(&in.traceparent))
	if !ok {
		return nil
	}
	return &t
}
