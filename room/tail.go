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
		if t.outdatedBy(e) { // events before e in the batch count: one may quote what e edits
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

// outdatedBy says whether add cannot bring the tail up to date with an event: it
// stands out of the order of its messages, or changes what a message quotes.
func (t *tail) outdatedBy(e Event) bool {
	if e.Prev != e.Seq-1 {
		return true
	}
	if e.Kind != protocol.KindEdit {
		return e.Age > 0
	}
	id := []byte(e.Message.String())
	return slices.ContainsFunc(t.messages, func(m tailMessage) bool { return m.id != e.Message && bytes.Contains(m.body, id) })
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
func (d *directory) history(room uuid.UUID) *History {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil || f.tail == nil || f.state != flowing {
		return nil
	}
	f.tail.asked = time.Now()
	return f.tail.frame()
}

// keepTail keeps what was just read as the room's tail, where there is room and
// somebody has followed the room since before the read, which began after so many
// births: of what was committed while nobody did, no event comes. Nor is it kept
// where an event came since that the read has not seen.
func (d *directory) keepTail(room uuid.UUID, page *Page, births int64) *History {
	t, size := newTail(page, d.tailMax)
	h := t.frame()
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil || f.born > births || f.last > page.Seq {
		return h
	}
	if f.lastOf == (uuid.UUID{}) && f.last == page.Seq {
		f.lastOf = page.lastOf() // newcomers are told it by this page
	}
	if d.tailBytes.Load()+size > tailBytesMax {
		return h
	}
	d.dropTail(f)
	f.tail = t
	d.tailBytes.Add(size)
	return h
}

func (d *directory) dropTail(f *followed) {
	if f.tail != nil {
		d.tailBytes.Add(-f.tail.bytes())
		f.tail = nil
	}
}

// dropTails forgets the tails that nobody asked for lately, and those that were
// read so long ago that users may have other names by now, which no event tells.
func (d *directory) dropTails(now time.Time) {
	asked, read := now.Add(-tailIdle), now.Add(-tailAgeMax)
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, f := range sh.rooms {
			if f.tail != nil && (f.tail.asked.Before(asked) || f.tail.read.Before(read)) {
				d.dropTail(f)
			}
		}
		sh.mu.Unlock()
	}
}
