package persist

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Budget is what is left of a room.Limit. A store asks its database for one row more
// than the limit allows, and stops reading at the first that does not fit: that row
// tells that there are more.
type Budget struct {
	More bool // a row did not fit

	left  room.Limit
	taken bool
	any   bool // there is no limit of bytes
}

// NewBudget returns a budget that nothing has been taken from.
func NewBudget(limit room.Limit) Budget { return Budget{left: limit, any: limit.Bytes <= 0} }

// Take reports whether one more row, with so many bytes of content, fits. The first
// one does, however large it is. After one that does not, none is to be offered.
func (b *Budget) Take(content int) bool {
	if b.left.Messages <= 0 || b.taken && !b.any && content > b.left.Bytes {
		b.More = true
		return false
	}
	b.left.Messages--
	b.left.Bytes -= content
	b.taken = true
	return true
}

// pass counts a row that was asked for and is left out.
func (b *Budget) pass() {
	b.More = b.More || b.left.Messages <= 0
	b.left.Messages--
}

// Counted reports whether the number of rows ended the answer, not their bytes.
func (b *Budget) Counted() bool { return b.More && b.left.Messages <= 0 }

// AddRoom takes the next room of a list, unless it does not fit.
func (b *Budget) AddRoom(to *room.RoomPage, r *room.Summary) {
	content := len(r.Title)
	if r.Last != nil {
		content += r.Last.Bytes()
	}
	if b.Take(content) {
		to.Rooms = append(to.Rooms, *r)
	}
	to.HasMore = b.More
}

// Stretch gathers the messages of one room as they are read, by seq.
type Stretch struct {
	Seq int64 // the room's number of that moment

	messages []protocol.Message
	budget   Budget
}

// NewStretch returns an empty stretch that takes messages up to a limit.
func NewStretch(limit room.Limit) Stretch { return Stretch{budget: NewBudget(limit)} }

// Full reports whether a message did not fit: nothing more is to be read.
func (s *Stretch) Full() bool { return s.budget.More }

// Counted is that of the stretch's Budget.
func (s *Stretch) Counted() bool { return s.budget.Counted() }

// Add takes the next message, unless it does not fit.
func (s *Stretch) Add(m *protocol.Message) {
	if s.budget.Take(m.Bytes()) {
		s.messages = append(s.messages, *m)
	}
}

// Newest makes a page of messages that were read newest first: that of Latest and
// Before.
func (s *Stretch) Newest() room.Page {
	slices.Reverse(s.messages)
	return s.Oldest()
}

// Oldest makes a page of messages that were read oldest first: that of After.
func (s *Stretch) Oldest() room.Page {
	return room.Page{Messages: s.messages, Seq: s.Seq, HasMore: s.budget.More}
}

// PinsFrom is where a page of pins begins: a cursor that every pin comes behind, where none was given.
func PinsFrom(after room.PinCursor) room.PinCursor {
	if after == (room.PinCursor{}) {
		return room.PinCursor{At: time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC), Message: uuid.Max}
	}
	return after
}

// Log gathers what a Walk reads, in the order of the numbers.
type Log struct {
	query  room.WalkQuery
	walk   room.Walk
	budget Budget
}

// NewLog returns an empty log for the answer to a query.
func NewLog(q room.WalkQuery) *Log { return &Log{query: q, budget: NewBudget(q.Limit)} }

// From is the number after which rows are to be read.
func (l *Log) From() int64 {
	if l.query.Known {
		return l.query.After - 1
	}
	return l.query.After
}

// Rows is how many rows are to be asked for.
func (l *Log) Rows() int {
	if l.query.Known {
		return l.query.Limit.Messages + 2
	}
	return l.query.Limit.Messages + 1
}

// SetSeq says what the room's number is.
func (l *Log) SetSeq(seq int64) { l.walk.Seq = seq }

// Full reports whether an entry did not fit: nothing more is to be read.
func (l *Log) Full() bool { return l.budget.More }

// Counted is that of the log's Budget.
func (l *Log) Counted() bool { return l.budget.Counted() }

// Add takes the next entry, unless it does not fit. Of two rows with one number, as
// after somebody set the room's number back, the first counts.
func (l *Log) Add(e room.LogEntry) {
	known := l.query.Known && e.Seq <= l.query.After
	if m := e.Message; m != nil {
		e.MessageID = m.ID
		if known || l.query.Final && m.Rev != e.Seq {
			e.Message = nil
		}
	}
	n := len(l.walk.Entries)
	again := n > 0 && l.walk.Entries[n-1].Seq == e.Seq
	if again {
		l.budget.pass()
		return
	}
	content := 0
	if e.Message != nil {
		content = e.Message.Bytes()
	}
	if !known && !l.budget.Take(content) {
		return
	}
	l.walk.Entries = append(l.walk.Entries, e)
}

// Walk makes the answer.
func (l *Log) Walk() room.Walk {
	l.walk.HasMore = l.budget.More
	return l.walk
}
