package room

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// tail is what a newcomer gets: a room's last messages in their present state,
// kept up to date by the events that pass, so that a storm of newcomers costs
// the store nothing. Its room's shard guards it.
type tail struct {
	max      int
	messages []tailMessage // by seq
	seq      int64         // the messages are as of this number
	read     time.Time     // from the store; who sent the messages is called as of then
	asked    time.Time
	history  *History // made from the above; nil: not yet, or outdated
}

type tailMessage struct {
	id   uuid.UUID
	body []byte
}

// newTail begins a tail from what was read from the store.
func newTail(page *Page, max int) (t *tail, bytes int64) {
	now := time.Now()
	t = &tail{max: max, seq: page.Seq, read: now, asked: now, messages: make([]tailMessage, 0, len(page.Messages))}
	for i := range page.Messages {
		m := &page.Messages[i]
		body := protocol.AppendMessage(nil, m)
		t.messages = append(t.messages, tailMessage{m.ID, body})
		bytes += int64(len(body))
	}
	return t, bytes
}

// add brings the tail up to date and returns by how many bytes it grew. Where it
// cannot, current is false and the tail is of no more use.
func (t *tail) add(events []Event) (grown int64, current bool) {
	for _, e := range events {
		if e.Seq <= t.seq {
			continue
		}
		if e.Kind.Requotes() && t.quotes(e.Message) { // events before e in the batch count
			return grown, false
		}
		t.seq = e.Seq
		t.history = nil
		// A copy: the frame's buffer holds its whole batch.
		body := slices.Clone(e.Body)
		i := slices.IndexFunc(t.messages, func(m tailMessage) bool { return m.id == e.Message })
		switch {
		case i >= 0:
			grown += int64(len(body) - len(t.messages[i].body))
			t.messages[i].body = body
		case e.Kind == protocol.KindMessage && t.max > 0:
			if len(t.messages) == t.max {
				grown -= int64(len(t.messages[0].body))
				copy(t.messages, t.messages[1:])
				t.messages = t.messages[:t.max-1]
			}
			t.messages = append(t.messages, tailMessage{e.Message, body})
			grown += int64(len(body))
		}
	}
	return grown, true
}

// quotes says whether another message of the tail may show an excerpt of this one.
func (t *tail) quotes(message uuid.UUID) bool {
	id := []byte(message.String())
	return slices.ContainsFunc(t.messages, func(m tailMessage) bool { return m.id != message && bytes.Contains(m.body, id) })
}

func (t *tail) bytes() (n int64) {
	for _, m := range t.messages {
		n += int64(len(m.body))
	}
	return n
}

// frame returns the history frame that the tail makes.
func (t *tail) frame() *History {
	if t.history == nil {
		bodies := make([][]byte, len(t.messages))
		for i, m := range t.messages {
			bodies[i] = m.body
		}
		t.history = &History{Seq: t.seq, Frame: protocol.AppendHistory(nil, bodies, t.seq)}
	}
	return t.history
}

// history returns the room's history from memory, or nil.
func (h *hub) history(room uuid.UUID) (past *History) {
	h.with(room, func(r *subscribed) {
		if r.tail != nil && r.seq.state == flowing {
			r.tail.asked = time.Now()
			past = r.tail.frame()
		}
	})
	return past
}

// keepTail keeps what was just read as the room's tail, where there is room and
// somebody has followed the room since before the read, which began after so many
// births: of what was committed while nobody did, no event comes. Nor is it kept
// where an event came since that the read has not seen.
func (h *hub) keepTail(room uuid.UUID, page *Page, births int64) *History {
	t, size := newTail(page, h.tailMax)
	past := t.frame()
	h.with(room, func(r *subscribed) {
		at := &r.seq.at
		if r.born > births || at.seq > page.Seq {
			return
		}
		if at.seq == page.Seq && at.matches(page.end().row, page.end().message) {
			at.learn(page.end()) // newcomers are told it by this page
		}
		if h.tailBytes.Load()+size > tailBytesMax {
			return
		}
		h.dropTail(r)
		r.tail = t
		h.tailBytes.Add(size)
	})
	return past
}

func (h *hub) dropTail(r *subscribed) {
	if r.tail != nil {
		h.tailBytes.Add(-r.tail.bytes())
		r.tail = nil
	}
}

// dropTails forgets the tails that nobody asked for lately, and those that were
// read so long ago that users may have other names by now, which no event tells.
func (h *hub) dropTails(now time.Time) {
	asked, read := now.Add(-tailIdle), now.Add(-tailAgeMax)
	h.each(func(_ uuid.UUID, r *subscribed) {
		if r.tail != nil && (r.tail.asked.Before(asked) || r.tail.read.Before(read)) {
			h.dropTail(r)
		}
	})
}
