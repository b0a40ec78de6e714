package room

import (
	"context"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Walk is a stretch of a room's log.
type Walk struct {
	Entries []LogEntry // by Seq; a number that no row has any more is left out
	Seq     int64      // the room's number at the moment of the read; zero: there is no such room
	HasMore bool
}

// end is where a reader of the log stands after the stretch.
func (w *Walk) end() cursor {
	if n := len(w.Entries); n > 0 && (w.HasMore || w.Entries[n-1].Seq >= w.Seq) {
		last := &w.Entries[n-1]
		return cursor{last.Seq, last.Row, last.MessageID}
	}
	return cursor{seq: w.Seq}
}

// Head is where a room's log ends.
type Head struct {
	Seq     int64     // the room's present number
	Row     uuid.UUID // the id of its row; zero: not known
	Message uuid.UUID // the message that it made or changed; zero: none, or not known
}

// WalkQuery asks for a stretch of a room's log.
type WalkQuery struct {
	Room  uuid.UUID
	After int64
	Limit Limit
	// Final leaves out the messages of those numbers that are not the last of their
	// message.
	Final bool
	// Known asks for the number After, too, but not for its message. It is beside the
	// limit.
	Known bool
	// Bulk says that a client asks to read.
	Bulk bool
}

// LogEntry is one number of a room's log.
type LogEntry struct {
	Seq       int64
	Kind      protocol.Kind     // as it was stored: perhaps one of a later release
	Row       uuid.UUID         // the id of its row
	MessageID uuid.UUID         // that it made or changed; zero: none, or one that is gone
	Message   *protocol.Message // in its present state; nil: none, or left out
}

// SinceQuery asks for what changed in a room after a number.
type SinceQuery struct {
	User  uuid.UUID // who asks, of the Service
	Room  uuid.UUID
	Since int64
	// Last is the message that the event Since made or changed, as the client knows
	// it, zero where it does not. Where the store has another event under that number,
	// it went back, and the answer says so (Page.Rewound).
	Last  uuid.UUID
	Limit int // messages
	Bytes int // of their content; zero: any. The Service sets it

	live bool // events follow, from the room's number on
}

// walkNumbersMin is how many numbers an answer to a SinceQuery goes over at least: where
// messages change often, most numbers are not the last of their message, and a client
// that asks for few messages shall not have to ask once a number.
const walkNumbersMin = 64

// Changes answers a SinceQuery from a store: the messages that were made or changed
// after the number, each once, as it is now, in the order of rev. It may hold fewer
// messages than asked for, or none, and yet there be more: the answer goes up to
// Page.Stand.
func Changes(ctx context.Context, s interface {
	Walk(ctx context.Context, q WalkQuery) (Walk, error)
}, q SinceQuery) (Page, error) {
	w, err := s.Walk(ctx, q.walk())
	if err != nil {
		return Page{}, err
	}
	return q.changes(&w), nil
}

// walk is the stretch of the log that answers the query.
func (q *SinceQuery) walk() WalkQuery {
	return WalkQuery{
		Room: q.Room, After: q.Since, Limit: Limit{max(q.Limit, walkNumbersMin), q.Bytes},
		Final: true, Known: q.Last != (uuid.UUID{}) && q.Since > 0, Bulk: true,
	}
}

// changes answers the query from that stretch.
func (q *SinceQuery) changes(w *Walk) Page {
	if known := w.takeKnown(q.Since); known != nil {
		if at := (cursor{message: q.Last}); !at.matches(uuid.UUID{}, known.MessageID) {
			return Page{Seq: w.Seq, HasMore: true, Rewound: true, last: w.end()}
		}
	}
	return w.changes(q.Limit)
}

// takeKnown takes the entry of the number that a walk begins after off it; nil where
// it has none.
func (w *Walk) takeKnown(after int64) *LogEntry {
	if len(w.Entries) == 0 || w.Entries[0].Seq != after {
		return nil
	}
	known := &w.Entries[0]
	w.Entries = w.Entries[1:]
	return known
}

// changes takes from a stretch of the log the messages whose last number lies in it,
// at most limit.
func (w *Walk) changes(limit int) Page {
	p := Page{Seq: w.Seq, Stand: w.Seq, HasMore: w.HasMore, rows: len(w.Entries), last: w.end()}
	if w.HasMore {
		p.Stand = w.Entries[len(w.Entries)-1].Seq
	}
	for i := range w.Entries {
		e := &w.Entries[i]
		if e.Message == nil || e.Message.Rev != e.Seq {
			continue
		}
		if len(p.Messages) == limit {
			p.HasMore, p.Stand = true, p.Messages[limit-1].Rev
			break
		}
		p.Messages = append(p.Messages, *e.Message)
	}
	return p
}
