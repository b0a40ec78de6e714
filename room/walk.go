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
		return cursor{last.Seq, last.Row, last.message()}
	}
	return cursor{seq: w.Seq}
}

// Head is where a room's log ends.
type Head struct {
	Seq     int64     // the room's present number
	Row     uuid.UUID // the id of its row; zero: not known
	Message uuid.UUID // the message that it made or changed; zero: none, or not known
}

// LogEntry is one number of a room's log.
type LogEntry struct {
	Seq     int64
	Kind    protocol.Kind     // as it was stored: perhaps one of a later release
	Row     uuid.UUID         // the id of its row
	Message *protocol.Message // that it made or changed, in its present state; nil: none, or one that is gone
}

// message is the id of the entry's message; zero where there is none.
func (e *LogEntry) message() uuid.UUID {
	if e.Message == nil {
		return uuid.UUID{}
	}
	return e.Message.ID
}

// SinceQuery asks for what changed in a room after a number.
type SinceQuery struct {
	Room  uuid.UUID
	Since int64
	// Last is the message that the event Since made or changed, as the client knows
	// it, zero where it does not. Where the store has another event under that number,
	// it went back, and the answer says so (Page.Rewound).
	Last  uuid.UUID
	Limit int
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
	Walk(ctx context.Context, room uuid.UUID, after int64, limit int) (Walk, error)
}, q SinceQuery) (Page, error) {
	from, proof := q.Since, q.Last != (uuid.UUID{}) && q.Since > 0
	if proof {
		from--
	}
	w, err := s.Walk(ctx, q.Room, from, max(q.Limit, walkNumbersMin)+1)
	if err != nil {
		return Page{}, err
	}
	if proof && len(w.Entries) > 0 && w.Entries[0].Seq == q.Since {
		known := w.Entries[0]
		w.Entries = w.Entries[1:]
		if at := (cursor{message: q.Last}); !at.matches(uuid.UUID{}, known.message()) {
			return Page{Seq: w.Seq, HasMore: true, Rewound: true}, nil
		}
	}
	return w.changes(q.Limit), nil
}

// changes takes from a stretch of the log the messages whose last number lies in it,
// at most limit.
func (w *Walk) changes(limit int) Page {
	p := Page{Seq: w.Seq, Stand: w.Seq, HasMore: w.HasMore}
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
