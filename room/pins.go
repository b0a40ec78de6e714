package room

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// PinsQuery asks for pinned messages of a room, the latest pin first.
type PinsQuery struct {
	User, Room uuid.UUID // User: who asks
	After      PinCursor // exclusive; zero: from the latest
	Besides    int       // bytes that the answer has besides the messages
}

// PinCursor is where a pinned message stands among those of its room.
type PinCursor struct {
	At      time.Time
	Message uuid.UUID
}

// compare orders by the time of the pins, the latest first.
func (c PinCursor) compare(other PinCursor) int {
	return cmp.Or(other.At.Compare(c.At), bytes.Compare(other.Message[:], c.Message[:]))
}

// PinCursorOf returns where a message stands, which is pinned.
func PinCursorOf(m *protocol.Message) PinCursor {
	return PinCursor{At: m.Extra.PinnedAt, Message: m.ID}
}

// Pins reads the pinned messages of a room, those that fit into Config.HistoryBytes.
func (s *Service) Pins(ctx context.Context, q PinsQuery) (Page, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (Page, error) {
		p, err := s.store.Pins(ctx, q.Room)
		if err == nil {
			p.rows = 1 + len(p.Messages)
			p.keepAfter(q.After)
			err = s.setOwnOfPage(ctx, q.User, &p)
			p.keepOldest(newFit(s.cfg.HistoryBytes, q.Besides))
		}
		return p, err
	})
	if err == nil {
		s.charge(q.User, p.cost())
	}
	return p, err
}

// keepAfter orders pinned messages, and leaves out those that do not come after one.
func (p *Page) keepAfter(after PinCursor) {
	p.Messages = slices.DeleteFunc(p.Messages, func(m protocol.Message) bool {
		return !m.Pinned() || after != (PinCursor{}) && PinCursorOf(&m).compare(after) <= 0
	})
	slices.SortFunc(p.Messages, func(a, b protocol.Message) int { return PinCursorOf(&a).compare(PinCursorOf(&b)) })
}
