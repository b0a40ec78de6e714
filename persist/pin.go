package persist

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// pinRule pins a message, or takes its pin away. To ask for what is so changes nothing.
var pinRule = rule{screen: screenChange, ask: askPin, settle: settlePin}

func askPin(l *Lookup, op *room.Op) {
	askMessageOf(l, op)
	if op.On {
		l.Pins = append(l.Pins, op.Room)
	}
}

func settlePin(s *settling, op *room.Op) result {
	m, ok := s.message(op, op.MessageID)
	switch {
	case !ok, m.Deleted():
		return refused(protocol.ErrNotFound)
	case m.Pinned() == op.On:
		return s.unchanged(&m)
	case op.On && s.pins(op.Room) >= protocol.PinsMax:
		return refused(protocol.ErrTooManyPins)
	}
	m.WithExtra(func(e *protocol.Extra) {
		e.PinnedAt, e.PinnedBy = time.Time{}, uuid.Nil
		if op.On {
			e.PinnedAt, e.PinnedBy = op.At, op.Sender.ID
		}
	})
	s.countPin(op.Room, op.On)
	return s.change(op, &m)
}

// pins is how many messages are pinned in a room after the ops so far. Somebody asked.
func (s *settling) pins(id uuid.UUID) int { return s.found.Pins[id] + s.pinned[id] }

// countPin counts that a message of the room is pinned, or not any more.
func (s *settling) countPin(id uuid.UUID, on bool) {
	if s.pinned == nil {
		s.pinned = make(map[uuid.UUID]int)
	}
	if on {
		s.pinned[id]++
	} else {
		s.pinned[id]--
	}
}
