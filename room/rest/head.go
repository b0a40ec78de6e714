package rest

import (
	"bytes"
	"strings"
)

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
