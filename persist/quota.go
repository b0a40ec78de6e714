package persist

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Quotas bound what is stored. Zero is no limit, and costs nothing.
type Quotas struct {
	RoomBytes          int64 // of the contents and the data of a room's messages
	UserMessagesPerDay int64 // of a user in all rooms, on a day of UTC
}

// On reports whether there is a quota.
func (q Quotas) On() bool { return q != Quotas{} }

// QuotasNow are quotas that change while they are used. The zero value has none. It is safe
// for concurrent use.
type QuotasNow struct{ now atomic.Pointer[Quotas] }

// SetQuotas sets the quotas of all later calls of Append.
func (n *QuotasNow) SetQuotas(q Quotas) { n.now.Store(&q) }

// Quotas returns them.
func (n *QuotasNow) Quotas() Quotas {
	if q := n.now.Load(); q != nil {
		return *q
	}
	return Quotas{}
}

// CountedMax is how many messages are counted in one transaction where some were stored
// while nobody counted. The others are counted in the next ones, so that none takes long.
const CountedMax = 10_000

// Usage is what the contents of a room's messages up to the number Seq take. Where the room
// stands elsewhere, messages were stored that nobody has counted.
type Usage struct{ Seq, Bytes int64 }

// Sent is how many messages a user has sent on a day, counted from 1970.
type Sent struct{ Day, Messages int64 }

// RoomUsage is what a room takes after a batch.
type RoomUsage struct {
	Room uuid.UUID
	Usage
}

// UserSent is what a user has sent in a batch.
type UserSent struct {
	User uuid.UUID
	Sent
}

// Portion is what messages of a room take: CountedMax of them, or fewer that are the last.
type Portion struct {
	Messages, Bytes int64
	Last            int64 // seq of the last one
}

// Use notes what a room has used, of which known is stored. Where more was stored in the room
// count counts a portion of the messages after a number.
func (f *Found) Use(id uuid.UUID, known Usage, count func(after int64) (Portion, error)) error {
	in := f.Rooms[id]
	if known.Seq > in.Seq { // the number was set back
		known = Usage{}
	}
	if known.Seq < in.Seq {
		p, err := count(known.Seq)
		if err != nil {
			return err
		}
		known = Usage{in.Seq, known.Bytes + p.Bytes}
		if p.Messages == CountedMax {
			known.Seq = p.Last
		}
		f.counted = append(f.counted, id)
	}
	f.Usage[id] = known
	return nil
}

// Users are the senders, each once.
func (l *Lookup) Users() []uuid.UUID {
	users := make([]uuid.UUID, len(l.Senders))
	for i, s := range l.Senders {
		users[i] = s.User
	}
	return distinct(users, compareIDs)
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// spending is what a batch takes of its quotas; nil: there are none.
type spending struct {
	quotas Quotas
	found  *Found
	day    int64
	bytes  map[uuid.UUID]int64 // of rooms that the batch has changed
	sent   map[uuid.UUID]int64 // messages of the batch, by user
}

func newSpending(q Quotas, batch []*room.Op, found *Found) *spending {
	if !q.On() || len(batch) == 0 {
		return nil
	}
	const day = int64(24 * time.Hour / time.Second)
	return &spending{
		quotas: q, found: found, day: batch[len(batch)-1].At.Unix() / day,
		bytes: make(map[uuid.UUID]int64), sent: make(map[uuid.UUID]int64),
	}
}

// quotaBytes is what a message with that content and that Extra counts against its room's quota:
// what its sender has written.
func quotaBytes(content string, e *protocol.Extra) int64 {
	n := len(content)
	if e != nil {
		n += len(e.Data)
	}
	return int64(n)
}

// take counts a content that grows by so many bytes, and so many new messages, or refuses.
func (s *spending) take(op *room.Op, grows, messages int64) *protocol.Error {
	if s == nil {
		return nil
	}
	used := s.used(op.Room)
	if most := s.quotas.RoomBytes; most > 0 && grows > 0 && used+grows > most {
		return protocol.ErrRoomQuota
	}
	if most := s.quotas.UserMessagesPerDay; most > 0 && messages > 0 {
		before := s.found.Sent[op.Sender.ID]
		if before.Day != s.day {
			before.Messages = 0
		}
		if before.Messages+s.sent[op.Sender.ID]+messages > most {
			return protocol.ErrUserQuota
		}
		s.sent[op.Sender.ID] += messages
	}
	s.bytes[op.Room] = used + grows
	return nil
}

// used is what a room's contents take after the ops so far.
func (s *spending) used(id uuid.UUID) int64 {
	if used, changed := s.bytes[id]; changed {
		return used
	}
	return s.found.Usage[id].Bytes
}

// add adds the counts to a plan whose heads are known.
func (s *spending) add(p *Plan) {
	if s == nil {
		return
	}
	if s.quotas.RoomBytes > 0 {
		s.addUsage(p)
	}
	for user, n := range s.sent {
		p.Sent = append(p.Sent, UserSent{user, Sent{s.day, n}})
	}
	slices.SortFunc(p.Sent, func(a, b UserSent) int { return compareIDs(a.User, b.User) }) // all lock them in one order
}

// addUsage adds what rooms have used in which something is stored, or was counted.
// Otherwise a room that is full would be counted again for each message that is refused.
func (s *spending) addUsage(p *Plan) {
	for _, h := range p.Heads {
		p.Usage = append(p.Usage, s.usage(h))
	}
	for _, id := range s.found.counted {
		_, stored := slices.BinarySearchFunc(p.Heads, id, func(h Head, id uuid.UUID) int { return compareIDs(h.Room, id) })
		if !stored {
			p.Usage = append(p.Usage, s.usage(Head{id, s.found.Rooms[id].Seq}))
		}
	}
}

// usage is what a room has used after the batch. Where a part is not counted yet, what the
// batch stores is counted with it later.
func (s *spending) usage(h Head) RoomUsage {
	before := s.found.Usage[h.Room]
	if before.Seq < s.found.Rooms[h.Room].Seq {
		return RoomUsage{h.Room, before}
	}
	return RoomUsage{h.Room, Usage{h.Seq, s.used(h.Room)}}
}
