package room

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// mailed is a listener that does what a transport's does for each batch: it posts a function.
type mailed struct{ posts []func() }

func (m *mailed) Deliver(b *Batch) Waker {
	m.posts = append(m.posts, func() {
		b.Derive("bench", func(b *Batch) any { return len(b.Events[0].Frame) })
	})
	return m
}

func (m *mailed) Notify(*Notice) Waker { return nil }
func (m *mailed) Rewound() Waker       { return nil }
func (m *mailed) Wake()                {}

// BenchmarkTellManyRooms encodes and tells what a lane commits at once where all talk in
// rooms of their own: 500 messages of 256 bytes, one in each of 500 rooms whose histories are
// in memory. One iteration is one message.
func BenchmarkTellManyRooms(b *testing.B) {
	const rooms = 500
	var stats counters
	h := newHub(&stats, Limit{Messages: 50}, func(uuid.UUID, time.Duration) {})
	to := &mailed{}
	sender := protocol.User{ID: uuid.New(), Email: "user1@example.com", Username: "user1", FirstName: "User", LastName: "1"}
	ops := make([]*Op, rooms)
	for i := range ops {
		room := uuid.New()
		h.follow(room, 0, to)
		h.with(room, func(r *subscribed) { r.tail = newTail(protocol.RoomInfo{Room: room}, &Page{}, h.tailMax) })
		ops[i] = &Op{
			Intent: protocol.Intent{Kind: protocol.KindMessage}, Room: room, Outcome: Stored,
			Message: &protocol.Message{
				RoomID: room, Sender: sender, Content: strings.Repeat("x", 256), Type: protocol.TypeText,
				CreatedAt: time.Now(), UpdatedAt: time.Now(), ClientID: uuid.NewString(),
			},
		}
	}
	var x encoding
	b.ReportAllocs()
	for done := 0; b.Loop(); done++ {
		if done%rooms > 0 {
			continue
		}
		for i, op := range ops {
			op.Seq++
			op.Message.Seq, op.Message.Rev = op.Seq, op.Seq
			op.Message.ID[0], op.Message.ID[1], op.Message.ID[2] = byte(op.Seq), byte(i), byte(op.Seq>>8)
			op.Message.UpdatedAt = op.Message.CreatedAt
		}
		for _, batch := range x.encode(ops, h.follows) {
			h.announce(batch, 0)
		}
		for i, post := range to.posts {
			post()
			to.posts[i] = nil
		}
		to.posts = to.posts[:0]
	}
}
