package room

import (
	"math"

	"github.com/caravan-chat/caravan/protocol"
)

// fit is how many bytes of messages an answer still takes. Each is counted with the
// comma before it.
type fit struct {
	left int
	all  bool // there is no limit
}

// newFit returns what an answer of at most so many bytes takes, zero: any. besides is
// what it has besides the messages.
func newFit(bytes, besides int) fit { return fit{left: bytes - besides + 1, all: bytes <= 0} }

// takes counts a message in, and reports whether the answer still holds all.
func (f *fit) takes(body []byte) bool {
	f.left -= len(body) + 1
	return f.all || f.left >= 0
}

// takesAll reports whether an answer that has none yet holds so many messages of so many
// bytes together.
func (f *fit) takesAll(messages int, bytes int64) bool {
	return f.all || bytes+int64(messages) <= int64(f.left)
}

// historyBesides is what a history has besides its messages.
var historyBesides = len(protocol.AppendHistory(nil, protocol.RoomInfo{RoomSettings: widestSettings}, nil, math.MaxInt64))

// widestSettings are those of which more bytes are told than of any others.
var widestSettings = protocol.RoomSettings{FirstSeq: math.MaxInt64, SlowMode: math.MaxInt32}

// keepNewest encodes the messages of a page, and keeps the newest that fit, at least
// one. The page may come from the store with more than that: there, only content counts.
func (p *Page) keepNewest(f fit) {
	first := len(p.Messages)
	bodies := make([][]byte, first)
	for first > 0 {
		body := encode(&p.Messages[first-1])
		if !f.takes(body) && first < len(p.Messages) {
			p.HasMore = true
			break
		}
		first--
		bodies[first] = body
	}
	p.Messages, p.Bodies = p.Messages[first:], bodies[first:]
}

// keepOldest encodes the messages of a page, and keeps the oldest that fit, at least
// one. It reports whether some were left out.
func (p *Page) keepOldest(f fit) (cut bool) {
	p.Bodies = make([][]byte, 0, len(p.Messages))
	for i := range p.Messages {
		body := encode(&p.Messages[i])
		if !f.takes(body) && i > 0 {
			p.Messages, p.HasMore = p.Messages[:i], true
			return true
		}
		p.Bodies = append(p.Bodies, body)
	}
	return false
}

// cutResume leaves out of an answer to since the last messages that do not fit, but not the
// first one, after they got what one user alone is told.
func (p *Page) cutResume(f fit) {
	for i := range p.Bodies {
		if !f.takes(p.Bodies[i]) && i > 0 {
			p.Messages, p.Bodies = p.Messages[:i], p.Bodies[:i]
			p.HasMore, p.Stand = true, p.Messages[i-1].Rev
			return
		}
	}
}

// keepFirst encodes the rooms of a page, and keeps the first that fit, at least one.
func (p *RoomPage) keepFirst(f fit) {
	p.Bodies = make([][]byte, 0, len(p.Rooms))
	for i := range p.Rooms {
		r := &p.Rooms[i]
		body := r.encode()
		if !f.takes(body) && i > 0 {
			p.Rooms, p.HasMore = p.Rooms[:i], true
			return
		}
		p.Bodies = append(p.Bodies, body)
	}
}

// lasts are the last messages of the rooms that have one.
func (p *RoomPage) lasts() (all []*protocol.Message) {
	for i := range p.Rooms {
		if last := p.Rooms[i].Last; last != nil {
			all = append(all, last)
		}
	}
	return all
}

// encode makes a room's JSON object.
func (r *Summary) encode() []byte {
	return protocol.AppendRoom(nil, &protocol.RoomEntry{
		ID: r.ID, TripID: r.TripID, Title: r.Title, LastSeq: r.Seq, RoomSettings: r.RoomSettings, Last: r.Last,
		Role: r.Role, ReadSeq: r.Reading.Seq, Unread: r.Reading.Unread, Mentions: r.Reading.Mentions,
		Online: r.Online, OnlineKnown: r.OnlineKnown,
	})
}

// encode makes a message's JSON object, in a buffer of its own.
func encode(m *protocol.Message) []byte {
	return protocol.AppendMessage(make([]byte, 0, envelopeBytes+len(m.Content)), m)
}
