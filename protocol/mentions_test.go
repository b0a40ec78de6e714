package protocol

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// TestWhoMentionsManyIsRefusedAtTheFirstThatIsTooMuch: a frame of short elements costs no
// memory for each of them.
func TestWhoMentionsManyIsRefusedAtTheFirstThatIsTooMuch(t *testing.T) {
	ids := func(n int) (list []byte) {
		for range n {
			list = fmt.Appendf(list, "%q,", uuid.New())
		}
		return bytes.TrimSuffix(list, []byte{','})
	}
	rules := Rules{ContentRunesMax: 100}
	for name, list := range map[string][]byte{
		"numbers": append(bytes.Repeat([]byte("1,"), 80_000), '1'),
		"arrays":  append(bytes.Repeat([]byte("[],"), 50_000), "[]"...),
		"ids":     ids(4_000),
	} {
		frame := fmt.Appendf(nil, `{"type":"chat_message","content":"x","mentions":[%s]}`, list)
		var refused *Error
		var in Frame
		n := testing.AllocsPerRun(5, func() { refused = DecodeFrame(frame, &in, &rules) })
		if refused != ErrInvalidMention || n > 12 {
			t.Errorf("%s: %v, %v allocations", name, refused, n)
		}
	}
}
