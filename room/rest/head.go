package rest

import (
	"bytes"
	"strings"
)

// requestHead is the beginning of a request as it came, which need not be whole or
// well-formed. It is kept for answers to what fasthttp cannot read, since that
// forgets the header of such a request.
type requestHead struct {
	bytes []byte
	whole bool // the rest is body
}

// note takes in what was read next.
func (h *requestHead) note(b []byte) {
	if h.whole || len(b) == 0 {
		return
	}
	seen := max(0, len(h.bytes)-len("\r\n\r\n")+1)
	h.bytes = append(h.bytes, b[:min(len(b), headerBytesMax-len(h.bytes))]...)
	h.whole = len(h.bytes) == headerBytesMax || bytes.Contains(h.bytes[seen:], []byte("\r\n\r\n"))
}

// peek returns the value of a header field of a head: the first one of that name,
// without space around it, or "". A value with a control character, which must not
// be repeated in an answer, counts as none.
func peek(head []byte, name string) string {
	_, fields, _ := bytes.Cut(head, []byte{'\n'}) // behind the request line
	for line := range bytes.Lines(fields) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return "" // the rest is body
		}
		field, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !strings.EqualFold(string(field), name) || !bytes.HasSuffix(line, []byte{'\n'}) {
			continue
		}
		value = bytes.Trim(value, " \t\r\n")
		if bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return ""
		}
		return string(value)
	}
	return ""
}
