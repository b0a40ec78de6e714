package room

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// BenchmarkEncodeBatches encodes what a busy lane commits at once: 750 messages of
// 256 bytes in 25 of 100 rooms. One iteration is one message.
func BenchmarkEncodeBatches(b *testing.B) {
	const messages, rooms = 750, 25
	ops := make([]*Op, messages)
	sender := protocol.User{ID: uuid.New(), Email: "user1@example.com", Username: "user1", FirstName: "User", LastName: "1"}
	places := make([]uuid.UUID, rooms)
	for i := range places {
		places[i] = uuid.New()
	}
	for i := range ops {
		ops[i] = &Op{
			Intent: protocol.Intent{Kind: protocol.KindMessage},
			Room:   places[i%rooms], Outcome: Stored, Seq: int64(i + 1), Message: &protocol.Message{
				ID: uuid.New(), RoomID: places[i%rooms], Sender: sender, Content: strings.Repeat("x", 256), Type: protocol.TypeText,
				CreatedAt: time.Now(), UpdatedAt: time.Now(), Seq: int64(i + 1), Rev: int64(i + 1), ClientID: uuid.NewString(),
			},
		}
	}
	var x encoding
	b.ReportAllocs()
	for done := 0; b.Loop(); done++ {
		if done%messages == 0 {
			x.encode(ops, func(uuid.UUID) bool { return true })
		}
	}
}
