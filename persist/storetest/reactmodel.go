package storetest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// reacted is a reaction of the model.
type reacted struct {
	message, user uuid.UUID
	emoji         string // without U+FE0F
	shown         string
	at            time.Time
}

func (r reacted) is(other reacted) bool {
	return r.message == other.message && r.user == other.user && r.emoji == other.emoji
}

// modelEmoji are chosen from; some are one in two forms, and two users may choose too many.
var modelEmoji = []string{"👍", "👍\ufe0f", "❤️", "❤", "🏳️‍🌈", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"}

// modelReaction makes a reaction or a summary of a message.
func (w *world) modelReaction(r, u, n int, id uuid.UUID) *room.Op {
	if n%4 == 0 {
		return w.summary(r, id)
	}
	return w.react(r, u, id, modelEmoji[n/8%len(modelEmoji)], n%8 != 1)
}

func (m *model) react(op *room.Op) room.Outcome {
	i := m.find(func(x *protocol.Message) bool { return x.ID == op.MessageID && x.RoomID == op.Room && !x.Deleted() })
	if i < 0 {
		return room.Refused
	}
	row := reacted{op.MessageID, op.Sender.ID, protocol.EmojiKey(op.Emoji), op.Emoji, op.At}
	at := slices.IndexFunc(m.reacted, row.is)
	switch {
	case (at >= 0) == op.On:
	case !op.On:
		m.reacted = slices.Delete(m.reacted, at, at+1)
	case m.own(row) >= 10 || !m.hasPlace(&m.messages[i], row.emoji):
		return room.Refused
	default:
		was := slices.IndexFunc(m.before, row.is)
		if was >= 0 {
			row = m.before[was]
		}
		if e := m.messages[i].Extra; e != nil && was < 0 {
			for _, r := range e.Reactions {
				if protocol.EmojiKey(r.Emoji) == row.emoji {
					row.shown = r.Emoji
				}
			}
		}
		m.reacted = append(m.reacted, row)
	}
	return room.Stored
}

func (m *model) own(row reacted) (n int) {
	for _, r := range m.reacted {
		if r.message == row.message && r.user == row.user {
			n++
		}
	}
	return n
}

// hasPlace: the emoji of the last summary and those that came since are no more than 20.
func (m *model) hasPlace(x *protocol.Message, emoji string) bool {
	all := map[string]bool{emoji: true}
	if x.Extra != nil {
		for _, r := range x.Extra.Reactions {
			all[protocol.EmojiKey(r.Emoji)] = true
		}
	}
	for _, r := range m.reacted {
		if r.message == x.ID {
			all[r.emoji] = true
		}
	}
	return len(all) <= 20
}

// summarized is the message's Extra as a summary makes it.
func (m *model) summarized(x *protocol.Message) *protocol.Extra {
	var rows []reacted
	for _, r := range m.reacted {
		if r.message == x.ID {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b reacted) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.emoji, b.emoji), bytes.Compare(a.user[:], b.user[:]))
	})
	var list []protocol.Reaction
	for _, r := range rows {
		i := slices.IndexFunc(list, func(l protocol.Reaction) bool { return protocol.EmojiKey(l.Emoji) == r.emoji })
		if i < 0 {
			i = len(list)
			list = append(list, protocol.Reaction{Emoji: r.shown})
		}
		list[i].Count++
		if len(rows) <= 8 {
			list[i].By = append(list[i].By, r.user)
		}
	}
	answers := 0
	for i, original := range m.replies {
		if original == x.ID && !m.messages[i].Deleted() {
			answers++
		}
	}
	made := *x
	made.WithExtra(func(e *protocol.Extra) { e.Reactions, e.ReplyCount = list, answers })
	return made.Extra
}

func (m *model) summarize(op *room.Op) (room.Outcome, *protocol.Message) {
	i := m.find(func(x *protocol.Message) bool { return x.ID == op.MessageID && x.RoomID == op.Room })
	if i < 0 {
		return room.Refused, nil
	}
	x := &m.messages[i]
	if is := m.summarized(x); !is.Equal(x.Extra) {
		m.heads[op.Room]++
		m.note(op, op.Row)
		x.Rev, x.Extra = m.heads[op.Room], is
	}
	shown := m.show(i)
	return room.Stored, &shown
}

// forget leaves no reaction to a message that is deleted.
func (m *model) forget(x *protocol.Message) {
	if x.Deleted() {
		of := func(r reacted) bool { return r.message == x.ID }
		m.reacted, m.before = slices.DeleteFunc(m.reacted, of), slices.DeleteFunc(m.before, of)
	}
}

// compareDue checks that each message whose summary would say something else is due.
func (w *world) compareDue(rt *rapid.T, m *model) {
	all, err := w.store.DueSummaries(w.ctx(), 0, 1<<20)
	if err != nil {
		rt.Fatal(err)
	}
	due := make(map[uuid.UUID]bool)
	for _, d := range all {
		due[d.Message] = true
	}
	for i := range m.messages {
		x := &m.messages[i]
		if !due[x.ID] && !m.summarized(x).Equal(x.Extra) {
			rt.Fatalf("%+v has %+v and is not due: %v", x, m.summarized(x), slices.Collect(maps.Keys(due)))
		}
	}
}
