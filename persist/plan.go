package persist

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Plan is a settled batch: the rows to write, and what becomes of each op once
// they are committed. Its messages never change.
type Plan struct {
	Inserts []*protocol.Message // new messages in their final state; within a room by seq
	Changes []Change            // the further numbers that the batch takes; within a room by seq
	Updates []*protocol.Message // older messages in their final state, each once
	// RareUpdates says that some of Updates has another Extra than before.
	RareUpdates bool

	Mentions   []Mention         // of new messages
	Claims     []Claim           // uploads that new messages take
	Deletions  []Deletion        // messages that are deleted, each once
	Marks      []Mark            // values of members, each once
	Heads      []Head            // rooms whose number grew, ascending by id
	Usage      []RoomUsage       // of those rooms, where that has a quota
	Sent       []UserSent        // where that has a quota, ascending by user
	Reactions  []Reaction        // new ones
	Withdrawn  []Reaction        // those that are taken away
	Due        []room.DueSummary // summaries that are to be made, each once
	Summarized []room.DueSummary // those that are due no more

	// Confirms says that some op finds what it asks for done already: what that says must
	// be as safe as what is stored.
	Confirms bool

	ops     []*room.Op
	results []result // of ops, by index
}

// Change is a row of chat_events: a number that made no message.
type Change struct {
	Room    uuid.UUID
	Seq     int64
	ID      uuid.UUID // of the row
	Kind    protocol.Kind
	Message uuid.UUID // the message that changed
	Actor   uuid.UUID // who changed it
	At      time.Time // UTC, whole microseconds
}

// Mention is a row of chat_mentions: that a message mentions a user.
type Mention struct {
	User uuid.UUID // zero: everybody
	Room uuid.UUID
	Seq  int64 // of the message
}

// Mark is a value of a member. The greater one stays, whatever the order in which they are
// stored: so a mark may be stored again without harm.
type Mark struct {
	Column MarkColumn
	Room   uuid.UUID
	User   uuid.UUID
	Value  int64
	At     time.Time // UTC, whole microseconds
	// Kept is set by a store that finds as great a value there already.
	Kept bool

	op int // whose value it is, by index in the plan's ops
}

// MarkColumn is where marks of a kind stand: a column of a table that has, for each
// chat_room_id and user_id, one row, and updated_at.
type MarkColumn struct{ Table, Column string }

// MarkColumns are all that there are.
var MarkColumns = []MarkColumn{readColumn}

// Head is a room's number after the batch.
type Head struct {
	Room uuid.UUID
	Seq  int64
}

// result is what becomes of an op.
type result struct {
	outcome room.Outcome
	seq     int64             // the number of its event; zero: it has none
	message *protocol.Message // nil: it is about none
	err     *protocol.Error
}

func refused(err *protocol.Error) result {
	return result{outcome: room.Refused, err: err}
}

// Empty reports whether there is nothing to write.
func (p *Plan) Empty() bool {
	return len(p.Heads)+len(p.Marks)+len(p.Usage)+len(p.Reactions)+len(p.Withdrawn)+len(p.Summarized) == 0
}

// RefusesKey reports whether a message with a client_id is refused: where that is known, it
// is not.
func (p *Plan) RefusesKey() bool {
	for i, op := range p.ops {
		if op.ClientID != "" && op.Kind == protocol.KindMessage && p.results[i].outcome == room.Refused {
			return true
		}
	}
	return false
}

// NumberMessage gives the plan of a plain message (IsPlainMessage) the number that the
// store took for it as it wrote the row. Nobody else has the plan yet.
func (p *Plan) NumberMessage(seq int64) {
	m := p.Inserts[0]
	m.Seq, m.Rev = seq, seq
	p.Heads[0].Seq, p.results[0].seq = seq, seq
}

// Conclude gives every op its outcome. It is called once, after the commit.
func (p *Plan) Conclude() {
	for i, op := range p.ops {
		r := &p.results[i]
		op.Outcome, op.Seq, op.Message, op.Err = r.outcome, r.seq, r.message, r.err
	}
	for i := range p.Marks {
		if m := &p.Marks[i]; !m.Kept {
			p.ops[m.op].Raised = m.Value
		}
	}
}
