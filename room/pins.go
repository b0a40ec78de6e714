package room

import (
	"context"
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

// PinCursor is where a pinned message stands among those of its room: by the time of the pin,
// and of equal ones by its id, the greatest first.
type PinCursor struct {
	At      time.Time
	Message uuid.UUID
}

// PinCursorOf returns where a message stands, which is pinned.
func PinCursorOf(m *protocol.Message) PinCursor {
	return PinCursor{At: m.Extra.PinnedAt, Message: m.ID}
}

// Pins reads the pinned messages of a room, those that fit into Config.HistoryBytes.
func (s *Service) Pins(ctx context.Context, q PinsQuery) (Page, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (Page, error) {
		p, err := s.store.Pins(ctx, q.Room, q.After, Limit{protocol.PinsMax, s.cfg.HistoryBytes})
		if err == nil {
			p.rows = 1 + len(p.Messages)
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
