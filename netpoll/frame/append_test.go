package frame

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// The examples of RFC 6455 section 5.7 that a server sends.
func TestSection5_7_Examples(t *testing.T) {
	k256, k64 := bytes.Repeat([]byte{1}, 256), bytes.Repeat([]byte{2}, 65536)
	for name, c := range map[string]struct{ got, want []byte }{
		"hello":          {AppendText(nil, []byte("Hello")), []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}},
		"ping":           {AppendFrame(nil, OpPing, false, []byte("Hello")), []byte{0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}},
		"256 bytes":      {AppendFrame(nil, OpBinary, false, k256), append([]byte{0x82, 0x7E, 0x01, 0x00}, k256...)},
		"64 KiB":         {AppendFrame(nil, OpBinary, false, k64), append([]byte{0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}, k64...)},
		"compressed":     {AppendFrame(nil, OpText, true, []byte{1}), []byte{0xC1, 0x01, 1}},
		"appends":        {AppendText([]byte("before"), nil), []byte("before\x81\x00")},
		"close":          {AppendClose(nil, 1000, "bye"), []byte("\x88\x05\x03\xE8bye")},
		"close, no code": {AppendClose(nil, CodeNone, "dropped"), []byte("\x88\x00")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: % x", name, c.got)
		}
	}
}

func TestSection5_2_LengthsAreSentInTheirShortestForm(t *testing.T) {
	for n, header := range map[int]int{0: 2, 125: 2, 126: 4, 65535: 4, 65536: 10, 1 << 20: 10} {
		payload := bytes.Repeat([]byte{'x'}, n)
		whole := AppendFrame(nil, OpBinary, false, payload)
		if len(whole)-n != header {
			t.Errorf("%d bytes have a header of %d", n, len(whole)-n)
		}
		if !bytes.Equal(payloadOf(whole), payload) {
			t.Errorf("Payload of a frame of %d bytes", n)
		}
	}
}

func TestSection5_5_1_CloseReasonIsCutBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		reason string
		want   int
	}{
		{strings.Repeat("r", 123), 123},
		{strings.Repeat("r", 124), 123},
		{strings.Repeat("é", 62), 122},
		{strings.Repeat("r", 121) + "€", 121},
		{strings.Repeat("r", 120) + "😀", 120},
		{strings.Repeat("r", 119) + "😀", 123},
	} {
		b := AppendClose(nil, 4000, c.reason)
		code, reason, v := ParseClose(payloadOf(b))
		if v != nil || code != 4000 || len(reason) != c.want || !utf8.Valid(reason) || int(b[1]) > ControlPayloadMax {
			t.Errorf("%d bytes: code %d, %d bytes of reason, %v", len(c.reason), code, len(reason), v)
		}
	}
}
