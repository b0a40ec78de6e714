package room

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// tail is what a newcomer gets: a room's last messages in their present state,
// kept up to date by the events that pass, so that a storm of newcomers costs
// the store nothing. Its room's shard guards it.
type tail struct {
	of       protocol.RoomInfo
	max      Limit
	messages []tailMessage // by seq: the newest that fit; the end of memory
	memory   []tailMessage // where messages began: those that were forgotten have left their place
	older    bool          // the room has older ones
	size     int64         // bytes of the messages
	seq      int64         // the messages are as of this number
	read     time.Time     // from the store; who sent the messages is called as of then
	timeline Timeline      // that was known before the read
	asked    time.Time
	history  *History // made from the above; nil: not yet, or outdated
	linksEnd int64    // until when the links of attachments in it work that were made first; zero: there are none
}

type tailMessage struct {
	id     uuid.UUID
	quoted uuid.UUID // the message that it answers; zero: none
	body   []byte
}

// newTail begins a tail from what was read from the store.
func newTail(of protocol.RoomInfo, page *Page, max Limit) *tail {
	page.keepNewest(newFit(max.Bytes, historyBesides))
	now := time.Now()
	t := &tail{of: of, max: max, seq: page.Seq, timeline: page.Timeline, read: now, asked: now, older: page.HasMore, messages: make([]tailMessage, len(page.Messages))}
	for i, body := range page.Bodies {
		t.messages[i] = tailMessage{page.Messages[i].ID, quotedBy(&page.Messages[i]), body}
		t.size += int64(len(body))
	}
	return t
}

// add brings the tail up to date and returns by how many bytes it grew. Where it
// cannot, current is false and the tail is of no more use. The bodies of compact events are
// kept, and those of others copied.
func (t *tail) add(events []Event, compact bool) (grown int64, current bool) {
	before := t.size
	for _, e := range events {
		if e.Seq <= t.seq {
			continue
		}
		if e.Kind.Requotes() && t.quotes(e.Message) { // events before e in the batch count
			return t.size - before, false
		}
		t.seq = e.Seq
		t.history = nil
		body := e.Body
		if !compact { // the frame's buffer holds its whole batch
			body = slices.Clone(body)
		}
		olderFits := false                  // perhaps
		if e.Kind == protocol.KindMessage { // a new one: the tail has all that came before
			t.push(tailMessage{e.Message, e.Quoted, body})
			t.size += int64(len(body))
		} else if i := t.find(e.Message); i >= 0 {
			olderFits = len(body) < len(t.messages[i].body)
			t.size += int64(len(body) - len(t.messages[i].body))
			t.messages[i].body = body
		} else {
			olderFits = true
		}
		t.trim()
		if olderFits && t.older && len(t.messages) < t.max.Messages {
			return t.size - before, false
		}
	}
	return t.size - before, true
}

// find returns where a message is; negative: it is not in the tail.
func (t *tail) find(message uuid.UUID) int {
	return slices.IndexFunc(t.messages, func(m tailMessage) bool { return m.id == message })
}

// push appends a message. Where there is no place behind the last one, but before the first,
// they move there: to make place for each would move all of them each time.
func (t *tail) push(m tailMessage) {
	if n := len(t.messages); n == cap(t.messages) && cap(t.memory)-n > n/2 {
		t.memory = t.memory[:cap(t.memory)]
		copy(t.memory, t.messages)
		clear(t.memory[n:])
		t.messages = t.memory[:n]
	}
	t.messages = append(t.messages, m)
	if cap(t.messages) > cap(t.memory) { // another piece of memory
		t.memory = t.messages
	}
}

// trim forgets the oldest messages that do not fit.
func (t *tail) trim() {
	n := max(0, len(t.messages)-t.max.Messages)
	rest := t.size
	for _, m := range t.messages[:n] {
		rest -= int64(len(m.body))
	}
	f := newFit(t.max.Bytes, historyBesides)
	if !f.takesAll(len(t.messages)-n, rest) {
		for i := len(t.messages) - 1; i >= n; i-- {
			if !f.takes(t.messages[i].body) && i < len(t.messages)-1 {
				n = i + 1
			}
		}
		rest = 0
		for _, m := range t.messages[n:] {
			rest += int64(len(m.body))
		}
	}
	if n == 0 {
		return
	}
	clear(t.messages[:n])
	t.messages, t.size, t.older = t.messages[n:], rest, true
}

// quotes says whether another message of the tail answers this one.
func (t *tail) quotes(message uuid.UUID) bool {
	return slices.ContainsFunc(t.messages, func(m tailMessage) bool { return m.id != message && m.quoted == message })
}

// bodies returns the messages as they are now. The bytes never change.
func (t *tail) bodies() [][]byte {
	bodies := make([][]byte, len(t.messages))
	for i, m := range t.messages {
		bodies[i] = m.body
	}
	return bodies
}

// recent returns the room's history from memory, or nil: also where another primary has
// taken over, and it has not been looked whether the history is in it. Its frame is made outside
// the lock, and kept for the next one where nothing came in between. large says that
// it was not made because it has more than bytesMax.
func (h *hub) recent(of protocol.RoomInfo, bytesMax int) (past *History, large bool) {
	var t *tail
	var bodies [][]byte
	var seq int64
	h.with(of.Room, func(r *subscribed) {
		if r.tail != nil && (r.tail.of != of || r.tail.linksEnd != h.endOfLinks()) {
			h.dropTail(r) // the room begins later since, or has another mode, or links are made anew
		}
		if r.tail == nil || r.seq.state != flowing || r.seq.timeline < h.timeline() {
			return
		}
		r.tail.asked = time.Now()
		if past = r.tail.history; past == nil {
			if large = r.tail.size > int64(bytesMax); large {
				return
			}
			t, bodies, seq = r.tail, r.tail.bodies(), r.tail.seq
		}
	})
	if t == nil {
		return past, large
	}
	past = newHistory(of, bodies, seq)
	past.Timeline = t.timeline
	past.Unsent = h.unsent.Answer(len(past.Frame))
	h.with(of.Room, func(*subscribed) {
		if t.seq == seq {
			t.history = past
		}
	})
	return past, false
}

// hasTail reports whether a room's last messages are in memory.
func (h *hub) hasTail(room uuid.UUID) (has bool) {
	h.with(room, func(r *subscribed) { has = r.tail != nil })
	return has
}

// keepsMore reports whether there is room for histories that nobody asked for yet. The last quarter,
// and at least one history, is left to those that somebody has asked for.
func (h *hub) keepsMore() bool {
	return h.tailBytes.Load()+int64(max(h.bytes.Tails/4, h.tailMax.Bytes)) <= int64(h.bytes.Tails)
}

// endOfLinks is until when the links of attachments work that are made now; zero: there are none.
func (h *hub) endOfLinks() int64 {
	if h.linksEnd == nil {
		return 0
	}
	return h.linksEnd()
}

func newHistory(of protocol.RoomInfo, bodies [][]byte, seq int64) *History {
	h := &History{Seq: seq, Frame: protocol.AppendHistory(nil, of, bodies, seq), Nameless: nameless(bodies), sizes: make([]uint32, len(bodies))}
	for i, body := range bodies {
		h.sizes[i] = uint32(len(body))
	}
	return h
}

// keepTail keeps what was just read as the room's tail, where there is room and
// somebody has followed the room since before the read, which began after so many
// births: of what was committed while nobody did, no event comes. Nor is it kept
// where an event came since that the read has not seen. Nil: the room was told more by a former primary, and
// nobody is to be shown it.
func (h *hub) keepTail(of protocol.RoomInfo, page *Page, births int64) *History {
	end := h.endOfLinks() // before the links are made
	t := newTail(of, page, h.tailMax)
	t.linksEnd = end
	past := newHistory(of, t.bodies(), t.seq)
	past.Timeline = t.timeline
	past.Unsent = h.unsent.Answer(len(past.Frame))
	t.history = past
	lacks := false
	h.take(of.Room, func(r *subscribed) (out step) {
		if !h.mayShow(r, births, t.timeline) {
			return out
		}
		lacks = r.seq.lacks(page.last, t.timeline)
		r.seq.show(page.last, t.timeline, &out) // newcomers are told it by this page
		if out.rewound || out.read || r.seq.at.seq > page.Seq || h.tailBytes.Load()+t.size > int64(h.bytes.Tails) {
			return out
		}
		h.dropTail(r)
		r.tail = t
		if !r.tailed {
			r.tailed = true
			sh := h.shard(of.Room)
			sh.tailed = append(sh.tailed, r)
		}
		h.tailBytes.Add(t.size)
		return out
	})
	if lacks {
		return nil
	}
	return past
}

func (h *hub) dropTail(r *subscribed) {
	if r.tail != nil {
		h.tailBytes.Add(-r.tail.size)
		r.tail = nil
	}
}

// dropTails forgets the tails that nobody asked for lately, and those that were
// read so long ago that users may have other names by now, which no event tells.
func (h *hub) dropTails(now time.Time) {
	asked, read := now.Add(-tailIdle), now.Add(-tailAgeMax)
	h.sweep(func(sh *shard) *[]*subscribed { return &sh.tailed }, func(r *subscribed) bool {
		if r.tail != nil && (r.tail.asked.Before(asked) || r.tail.read.Before(read)) {
			h.dropTail(r)
		}
		r.tailed = r.tail != nil
		return r.tailed
	})
}
