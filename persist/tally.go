package persist

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Counted is what a store has counted of a message.
type Counted struct {
	// Rows are its reactions, unless there are more than Lookup.Named. Then they are nil, and
	// Emoji has how many there are of each.
	Rows    []Reaction
	Emoji   []EmojiCount
	Replies int // answers that are not deleted, up to Lookup.Replies
}

// EmojiCount is how many reactions have an emoji.
type EmojiCount struct {
	Emoji string // its key
	Shown string // as it was first given
	Count int
	First time.Time
}

// tally is what the batch does with the reactions to a message.
type tally struct {
	message, room uuid.UUID
	changed       bool // since the last summary of the batch, if there is one
	cells         map[cellKey]*cell
	all           []*cell // in the order in which they were looked at
}

type cellKey struct {
	user  uuid.UUID
	emoji string
}

// cell is one possible row.
type cell struct {
	key     cellKey
	was, is *Reaction // before the batch, and after the ops so far; nil: none
}

func same(a, b *Reaction) bool { return (a == nil) == (b == nil) }

func (s *settling) tally(op *room.Op) *tally {
	t := s.tallies[op.MessageID]
	if t == nil {
		if s.tallies == nil {
			s.tallies = make(map[uuid.UUID]*tally)
		}
		t = &tally{message: op.MessageID, room: op.Room, cells: make(map[cellKey]*cell)}
		s.tallies[op.MessageID] = t
		s.touched = append(s.touched, t)
	}
	return t
}

// cell returns the row that an op is about. With it come all that the user has.
func (t *tally) cell(s *settling, op *room.Op) *cell {
	key := cellKey{op.Sender.ID, protocol.EmojiKey(op.Emoji)}
	if c := t.cells[key]; c != nil {
		return c
	}
	rows := s.found.Reactions[Reactor{op.MessageID, op.Sender.ID}]
	for i := range rows {
		t.add(cellKey{rows[i].User, rows[i].Emoji}, &rows[i])
	}
	return t.add(key, nil)
}

// add adds a row, unless it is known.
func (t *tally) add(key cellKey, was *Reaction) *cell {
	c := t.cells[key]
	if c == nil {
		c = &cell{key: key, was: was, is: was}
		t.cells[key] = c
		t.all = append(t.all, c)
	}
	return c
}

// own is how many reactions of a user there are.
func (t *tally) own(user uuid.UUID) (n int) {
	for _, c := range t.all {
		if c.key.user == user && c.is != nil {
			n++
		}
	}
	return n
}

// emojiNow is what a message has of an emoji after the ops so far.
type emojiNow struct {
	key, shown string
	count      int
	first      time.Time
	by         []Reaction // nil: there are too many
	unsure     bool       // the first one goes with this batch: shown and first are its own still
}

// count returns what reactions a message has, in the order of the first of each.
func (s *settling) count(message uuid.UUID) []emojiNow {
	var cells map[cellKey]*cell
	if t := s.tallies[message]; t != nil {
		cells = t.cells
	}
	counted := s.found.Counted[message]
	if counted == nil {
		counted = &Counted{} // a message of this batch
	}
	if len(counted.Emoji) > 0 {
		return adjusted(counted.Emoji, cells)
	}
	var rows []Reaction
	for _, r := range counted.Rows {
		if c := cells[cellKey{r.User, r.Emoji}]; c == nil {
			rows = append(rows, r)
		}
	}
	for _, c := range cells {
		if c.is != nil {
			rows = append(rows, *c.is)
		}
	}
	return grouped(rows)
}

func grouped(rows []Reaction) []emojiNow {
	slices.SortFunc(rows, func(a, b Reaction) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Emoji, b.Emoji), compareIDs(a.User, b.User))
	})
	var all []emojiNow
	for _, r := range rows {
		i := slices.IndexFunc(all, func(e emojiNow) bool { return e.key == r.Emoji })
		if i < 0 {
			i = len(all)
			all = append(all, emojiNow{key: r.Emoji, shown: r.Shown, first: r.At})
		}
		all[i].count++
		all[i].by = append(all[i].by, r)
	}
	return all
}

// adjusted are counts after what the batch does. When the first of an emoji goes, they do not
// say which one is the first now.
func adjusted(counts []EmojiCount, cells map[cellKey]*cell) []emojiNow {
	all := make([]emojiNow, len(counts))
	for i, c := range counts {
		all[i] = emojiNow{key: c.Emoji, shown: c.Shown, count: c.Count, first: c.First}
	}
	for _, c := range cells {
		if same(c.was, c.is) {
			continue
		}
		i := slices.IndexFunc(all, func(e emojiNow) bool { return e.key == c.key.emoji })
		if i < 0 {
			i = len(all)
			all = append(all, emojiNow{key: c.key.emoji, shown: cmp.Or(c.is, c.was).Shown, first: cmp.Or(c.is, c.was).At})
		}
		if c.is != nil {
			all[i].count++
		} else {
			all[i].count--
			all[i].unsure = all[i].unsure || !c.was.At.After(all[i].first)
		}
	}
	all = slices.DeleteFunc(all, func(e emojiNow) bool { return e.count <= 0 })
	slices.SortFunc(all, func(a, b emojiNow) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.key, b.key)) })
	return all
}
