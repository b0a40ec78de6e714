package room

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/unsent"
)

// longHistory is one of so many messages of about so many bytes each.
func longHistory(messages, size int) (*Service, protocol.RoomInfo, *History) {
	s := &Service{cfg: Config{Unsent: unsent.New(1 << 30)}}
	of := protocol.RoomInfo{Room: uuid.New(), Trip: uuid.New()}
	var bodies [][]byte
	for i := range messages {
		bodies = append(bodies, fmt.Appendf(nil, `{"id":%q,"seq":%d,"content":%q}`, uuid.New(), i+1, bytes.Repeat([]byte{'x'}, size)))
	}
	past := newHistory(of, bodies, int64(messages))
	past.Unsent = s.cfg.Unsent.Answer(len(past.Frame))
	past.Unsent.Begin()
	return s, of, past
}

// TestNewestBytes: what a loop asks before it has a history cut is what that makes.
func TestNewestBytes(t *testing.T) {
	const most = 20
	for messages := range most + 2 {
		s, of, past := longHistory(most, 100)
		whole := len(past.Frame)
		want := past.NewestBytes(messages)
		short := s.Newest(of, past, messages)
		if messages == 0 || messages >= most {
			if want != 0 || short != past {
				t.Errorf("%d messages: %d bytes of %d are made, and nothing is to be cut", messages, want, whole)
			}
			continue
		}
		head := len(protocol.AppendHistory(nil, of, nil, past.Seq))
		if commas := messages - 1; len(short.Frame) != head+want+commas {
			t.Errorf("%d messages: %d bytes, want %d of messages: %s", messages, len(short.Frame), want, short.Frame)
		}
	}
}

// BenchmarkNewest is what a limited history costs: to ask how much it is, and to make it.
func BenchmarkNewest(b *testing.B) {
	s, of, past := longHistory(50, 5_000)
	b.Run("asked", func(b *testing.B) {
		for b.Loop() {
			if past.NewestBytes(49) == 0 {
				b.Fatal("nothing")
			}
		}
	})
	b.Run("made", func(b *testing.B) {
		for b.Loop() {
			past.Unsent.Begin()
			s.Newest(of, past, 49).Unsent.Gone()
		}
	})
}
