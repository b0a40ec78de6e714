package benchtest

import (
	"time"

	"github.com/google/uuid"
)

// Event is a row of a room's log.
type Event struct {
	Room, Message uuid.UUID
	Seq, Made     int64
	At            time.Time
}

// Copy is what a server had at a moment, as a standby has it.
type Copy map[uuid.UUID]copied

type copied struct {
	messages []*Message
	log      []Event
}

// Copy returns what the server has now.
func (s *Server) Copy() Copy {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Copy{}
	for id, r := range s.rooms {
		c[id] = copied{append([]*Message(nil), r.messages...), r.log[:len(r.log):len(r.log)]}
	}
	return c
}

// Stands returns where a room stood.
func (c Copy) Stands(room uuid.UUID) int64 { return int64(len(c[room].log)) }

// GoBack makes the server what it was, and returns the events that are lost. All members
// are told to begin anew, unless it happens in silence, and closed with 1012.
func (s *Server) GoBack(to Copy, silent bool) (lost []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.rooms {
		was := to[id]
		lost = append(lost, r.log[len(was.log):]...)
		r.messages, r.log, r.seq = append([]*Message(nil), was.messages...), was.log, int64(len(was.log))
		if silent {
			continue
		}
		for m := range r.members {
			m.write(m.beginAnew())
			m.sendAway(1012)
		}
	}
	return lost
}

// Log returns the events of a room beyond a number.
func (s *Server) Log(room uuid.UUID, beyond int64) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.room(room).log[beyond:]...)
}

// beginAnew is the frame for a member of a room that has gone back.
func (m *session) beginAnew() []byte {
	return mustJSON(map[string]any{
		"type": "message_history", "chat_room_id": m.room.id, "trip_id": m.room.id,
		"since": 0, "messages": []string{}, "seq": 0, "has_more": true,
	})
}

// sendAway closes a session. On a user's socket its room ends, and the socket stays.
func (m *session) sendAway(code uint16) {
	if m.socket == nil {
		m.sayGoodbye(code)
		return
	}
	m.write(mustJSON(map[string]any{"type": "left", "chat_room_id": m.room.id, "code": code}))
	delete(m.room.members, m)
	delete(m.socket.seats, m.room.id)
}

// note adds to the room's log what a message has become.
func (r *room) note(m *Message) {
	r.log = append(r.log, Event{r.id, m.ID, m.Rev, m.Seq, m.Updated})
}

// lost reports whether the room has another event than one that a client has, if it says
// which message that made or changed.
func (r *room) lost(since int64, id string) bool {
	return id != "" && since > 0 && (since > int64(len(r.log)) || r.log[since-1].Message.String() != id)
}
