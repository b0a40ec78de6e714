package room

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/protocol"
)

// TestAnAnswerToSinceIsCutAgainAfterItGrew: what one user alone is told counts, too.
func TestAnAnswerToSinceIsCutAgainAfterItGrew(t *testing.T) {
	for _, c := range []struct {
		bytes, keeps int
		more         bool
		stand        int64
	}{{0, 3, false, 9}, {303, 3, false, 9}, {302, 2, true, 2}, {201, 1, true, 1}, {1, 1, true, 1}} {
		p := Page{Stand: 9}
		for n := range 3 {
			p.Messages = append(p.Messages, protocol.Message{Rev: int64(n + 1)})
			p.Bodies = append(p.Bodies, []byte(strings.Repeat("x", 100)))
		}
		p.cutResume(newFit(c.bytes, 1))
		if len(p.Messages) != c.keeps || len(p.Bodies) != c.keeps || p.HasMore != c.more || p.Stand != c.stand {
			t.Errorf("%d bytes: %d messages, more %v, stands at %d; want %+v", c.bytes, len(p.Bodies), p.HasMore, p.Stand, c)
		}
	}
}
