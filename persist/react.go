package persist

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// reactRule sets a reaction of the sender, or takes it away. To ask for what is so changes
// nothing.
var reactRule = rule{screen: screenReact, ask: askReact, settle: settleReact}

// Reaction is a row of chat_reactions: that a user has chosen an emoji for a message.
type Reaction struct {
	Message, User uuid.UUID
	Emoji         string    // its key (protocol.EmojiKey)
	Shown         string    // as it was given
	At            time.Time // UTC, whole microseconds
}

// Reactor is whose reactions to a message are meant.
type Reactor struct{ Message, User uuid.UUID }

func screenReact(op *room.Op) *protocol.Error {
	if shown, ok := protocol.ValidEmoji(op.Emoji); !ok || shown != op.Emoji {
		return protocol.ErrInvalidEmoji
	}
	if op.MessageID == uuid.Nil {
		return protocol.ErrNotFound
	}
	return nil
}

func askReact(l *Lookup, op *room.Op) {
	askMessageOf(l, op)
	l.Reactors = append(l.Reactors, Reactor{op.MessageID, op.Sender.ID})
	if op.On {
		l.chosen = append(l.chosen, chosen{op.MessageID, protocol.EmojiKey(op.Emoji)})
	} else {
		l.Named++ // so many may be one fewer
	}
}

// chosen is that an emoji is to be set for a message.
type chosen struct {
	message uuid.UUID
	emoji   string
}

// Unlisted are messages whose reactions must be counted before the batch can be settled,
// which shows only once the messages themselves were found: an emoji that the last summary
// does not have may be one too many. Of most batches there are none.
func (l *Lookup) Unlisted(found *Found) []uuid.UUID {
	var all []uuid.UUID
	for _, c := range l.chosen {
		m := found.Messages[c.message]
		if m == nil || m.Deleted() || found.Counted[c.message] != nil {
			continue
		}
		if listed := listedEmoji(m); listed[c.emoji] != "" || len(listed) >= protocol.EmojiMax {
			continue
		}
		all = append(all, c.message)
	}
	return distinct(all, compareIDs)
}

// listedEmoji are the emoji of a message's last summary as it shows them, by key.
func listedEmoji(m *protocol.Message) map[string]string {
	listed := make(map[string]string)
	if m.Extra != nil {
		for i := range m.Extra.Reactions {
			shown := m.Extra.Reactions[i].Emoji
			listed[protocol.EmojiKey(shown)] = shown
		}
	}
	return listed
}

func settleReact(s *settling, op *room.Op) result {
	m, ok := s.message(op, op.MessageID)
	if !ok || m.Deleted() {
		return refused(protocol.ErrNotFound)
	}
	t := s.tally(op)
	c := t.cell(s, op)
	switch {
	case (c.is != nil) == op.On:
		s.plan.Confirms = true
	case !op.On:
		c.is, t.changed = nil, true
	default:
		if t.own(op.Sender.ID) >= protocol.OwnEmojiMax {
			return refused(protocol.ErrTooManyReactions)
		}
		shown, may := s.mayAdd(&m, c.key.emoji)
		if !may {
			return refused(protocol.ErrTooManyEmoji)
		}
		t.changed = true
		if c.is = c.was; c.is == nil {
			c.is = &Reaction{op.MessageID, op.Sender.ID, c.key.emoji, cmp.Or(shown, op.Emoji), op.At} // one form for all
		}
	}
	return result{outcome: room.Stored}
}

// mayAdd reports whether one more emoji has place beside those of the last summary, and those
// that came since, and how it is shown where it is one of them. One of the summary keeps its place
// until the next, so that it need not be counted whether anybody has it still.
func (s *settling) mayAdd(m *protocol.Message, emoji string) (shown string, may bool) {
	there := listedEmoji(m)
	if shown := there[emoji]; shown != "" {
		return shown, true
	}
	if len(there) >= protocol.EmojiMax {
		return "", false
	}
	for _, e := range s.count(m.ID) {
		if e.key == emoji {
			return e.shown, true
		}
		there[e.key] = e.shown
	}
	return "", len(there) < protocol.EmojiMax
}
