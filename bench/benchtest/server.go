// Package benchtest is a small chat server in memory that speaks Caravan's wire
// contract, well enough to test load harnesses, and that can be told to break
// it: a harness that never finds a fault has to prove that it could.
package benchtest

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Message is a stored message, with the contract's JSON.
type Message struct {
	ID       uuid.UUID `json:"id"`
	Room     uuid.UUID `json:"chat_room_id"`
	Sender   sender    `json:"sender"`
	Content  string    `json:"content"`
	Type     string    `json:"message_type"`
	ReplyTo  *Reply    `json:"reply_to"`
	IsEdited bool      `json:"is_edited"`
	Created  time.Time `json:"created_at"`
	Updated  time.Time `json:"updated_at"`
	Seq      int64     `json:"seq"`
	Rev      int64     `json:"rev"`
	ClientID string    `json:"client_id,omitempty"`

	Mentions []string        `json:"mentions,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`

	MentionsAll bool `json:"mentions_all,omitempty"`

	Attachments []Attachment `json:"attachments,omitempty"`
	Caption     *string      `json:"caption,omitempty"`

	DeletedAt *time.Time `json:"deleted_at,omitempty"`
	DeletedBy string     `json:"deleted_by,omitempty"`
	PinnedAt  *time.Time `json:"pinned_at,omitempty"`
	PinnedBy  string     `json:"pinned_by,omitempty"`
}

type sender struct {
	ID    uuid.UUID `json:"id"`
	Email string    `json:"email"`
}

// Reply is the message that another one answers.
type Reply struct {
	ID      uuid.UUID `json:"id"`
	Content string    `json:"content"`
	Email   string    `json:"sender_email"`
}

// order is a message as its sender asks for it.
type order struct {
	Content  string    `json:"content"`
	Type     string    `json:"message_type"`
	ReplyTo  uuid.UUID `json:"reply_to"`
	ClientID string    `json:"client_id"`

	Mentions    []string        `json:"mentions"`
	MentionsAll bool            `json:"mentions_all"`
	Data        json.RawMessage `json:"data"`
	Attachments []uuid.UUID     `json:"attachments"`
}

// Server is the server. Its methods are safe for concurrent use.
type Server struct {
	faults Faults
	http   *httptest.Server

	mu        sync.Mutex
	shut      bool // nobody is let in
	rooms     map[uuid.UUID]*room
	roles     map[uuid.UUID]string
	strangers map[stranger]bool
	sessions  int
	sockets   map[*socket]bool
	files     map[uuid.UUID]*file
}

type room struct {
	id       uuid.UUID
	seq      int64
	messages []*Message
	log      []Event
	marks    map[uuid.UUID]int64
	members  map[*session]bool
}

// New starts a server on a free port of 127.0.0.1. Tokens are users' ids, or
// JWTs whose signature is not checked, and the trips given are what everybody's
// list of rooms shows.
func New(faults Faults, trips ...uuid.UUID) *Server {
	s := &Server{faults: faults, rooms: map[uuid.UUID]*room{}, roles: map[uuid.UUID]string{}, strangers: map[stranger]bool{}, sockets: map[*socket]bool{}, files: map[uuid.UUID]*file{}}
	for _, trip := range trips {
		s.room(trip)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws/chat/{$}", s.connectUser)
	mux.HandleFunc("GET /ws/chat/{trip}/", s.connect)
	mux.HandleFunc("GET /api/v1/chat/rooms/", s.list)
	mux.HandleFunc("GET /api/v1/chat/rooms/{id}/messages/", s.page)
	mux.HandleFunc("GET /api/v1/chat/rooms/{id}/members/", s.present)
	mux.HandleFunc("POST /api/v1/chat/rooms/{id}/attachments/", s.upload)
	mux.HandleFunc("GET /api/v1/chat/attachments/{id}/", s.serve)
	mux.HandleFunc("POST /api/v1/chat/messages/", s.post)
	mux.HandleFunc("GET /api/v1/chat/messages/{id}/", s.get)
	mux.HandleFunc("PATCH /api/v1/chat/messages/{id}/", s.patch)
	mux.HandleFunc("DELETE /api/v1/chat/messages/{id}/", s.unmake)
	mux.HandleFunc("PUT /api/v1/chat/messages/{id}/pin/", s.repin(true))
	mux.HandleFunc("DELETE /api/v1/chat/messages/{id}/pin/", s.repin(false))
	mux.HandleFunc("GET /api/v1/chat/rooms/{id}/pins/", s.pins)
	mux.HandleFunc("POST /api/v1/chat/rooms/{id}/read/", s.read)
	mux.HandleFunc("GET /api/v1/chat/messages/{id}/replies/", s.replies)
	s.http = httptest.NewServer(mux)
	return s
}

// Mint is the bearer token of a user.
func Mint(user uuid.UUID) (string, error) { return user.String(), nil }

// URL is where the server is, as ws://host:port.
func (s *Server) URL() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// Close ends all sessions and the server.
func (s *Server) Close() {
	s.DropAll()
	s.http.Close()
}

// DropAll cuts all sessions, as a server that is killed does.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		for m := range r.members {
			_ = m.conn.Close()
		}
	}
	for k := range s.sockets {
		_ = k.conn.Close()
	}
}

// CloseAll closes all sessions with a code.
func (s *Server) CloseAll(code uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		for m := range r.members {
			m.sayGoodbye(code)
		}
	}
}

// CloseDoor cuts all sessions, and refuses all that would come after them.
func (s *Server) CloseDoor() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.DropAll()
}

func (s *Server) room(id uuid.UUID) *room {
	r := s.rooms[id]
	if r == nil {
		r = &room{id: id, marks: map[uuid.UUID]int64{}, members: map[*session]bool{}}
		s.rooms[id] = r
	}
	return r
}

// since returns the messages changed after a number, by rev, and whether more follow.
func (r *room) since(since int64, limit int) (messages []*Message, seq int64, more bool) {
	byRev := map[int64]*Message{}
	for _, m := range r.messages {
		byRev[m.Rev] = m
	}
	for rev := since + 1; rev <= r.seq; rev++ {
		if m := byRev[rev]; m != nil {
			if len(messages) == limit {
				return messages, messages[limit-1].Rev, true
			}
			messages = append(messages, m)
		}
	}
	return messages, r.seq, false
}

// send stores a message, tells it, and returns it as it was at that moment.
func (s *Server) send(r *room, user uuid.UUID, o *order) (m *Message, duplicate bool, code string) {
	if s.excludes(r, user, true) {
		return nil, false, "forbidden"
	}
	if !s.may(user, "send") || (o.MentionsAll && !s.may(user, "mention_all")) {
		return nil, false, "not_allowed"
	}
	for _, known := range r.messages {
		if o.ClientID != "" && known.ClientID == o.ClientID && known.Sender.ID == user {
			return r.quote(known), true, ""
		}
	}
	if s.faults.Refuse != nil {
		code = s.faults.Refuse(o.ClientID)
	}
	if code != "" && !s.faults.StoreRefused {
		return nil, false, code
	}
	r.seq++
	now := time.Now().UTC()
	m = &Message{
		ID: uuid.New(), Room: r.id, Sender: sender{user, user.String() + "@example.com"}, Content: o.Content, Type: "text",
		Created: now, Updated: now, Seq: r.seq, Rev: r.seq, ClientID: o.ClientID, Mentions: o.Mentions, MentionsAll: o.MentionsAll, Data: o.Data,
	}
	if o.Type != "" {
		m.Type = o.Type
	}
	if o.ReplyTo != uuid.Nil {
		m.ReplyTo = &Reply{ID: o.ReplyTo}
		if r.isDeleted(o.ReplyTo) {
			r.seq--
			return nil, false, "invalid_reply"
		}
	}
	if !s.take(m, r, user, o.Attachments) {
		r.seq--
		return nil, false, "invalid_attachment"
	}
	if s.faults.Forget == nil || !s.faults.Forget(o.ClientID) {
		r.messages = append(r.messages, m)
	}
	r.note(m)
	m = r.quote(m)
	s.tell(r, "chat_message", m)
	return m, false, code
}

// quote returns a message with what the one that it answers says now.
func (r *room) quote(m *Message) *Message {
	if m.ReplyTo == nil {
		return m
	}
	quoting := *m
	for _, original := range r.messages {
		if original.ID == m.ReplyTo.ID {
			runes := []rune(original.says())
			quoting.ReplyTo = &Reply{original.ID, string(runes[:min(len(runes), 100)]), original.Sender.Email}
		}
	}
	return &quoting
}

// quotes does that for many.
func (r *room) quotes(messages []*Message) []*Message {
	quoting := make([]*Message, len(messages))
	for i, m := range messages {
		quoting[i] = r.quote(m)
	}
	return quoting
}

// edit changes a message in place of a copy, so that what was told stays as it was.
func (s *Server) edit(user, id uuid.UUID, content string) (*Message, string) {
	r, i := s.find(id)
	switch {
	case r != nil && s.excludes(r, user, true):
		return nil, "forbidden"
	case !s.may(user, "edit"):
		return nil, "not_allowed"
	case r == nil || r.messages[i].Sender.ID != user || r.messages[i].DeletedAt != nil:
		return nil, "not_found"
	}
	return s.change(r, i, "content", func(m *Message, now time.Time) {
		m.say(content)
		m.IsEdited, m.Updated = true, now
	}), ""
}

func (s *Server) find(id uuid.UUID) (r *room, at int) {
	for _, r := range s.rooms {
		for i, m := range r.messages {
			if m.ID == id {
				return r, i
			}
		}
	}
	return nil, 0
}

func (s *Server) change(r *room, at int, what string, to func(m *Message, now time.Time)) *Message {
	r.seq++
	changed := *r.messages[at]
	changed.Rev = r.seq
	to(&changed, time.Now().UTC())
	r.messages[at] = &changed
	r.note(&changed)
	m := r.quote(&changed)
	s.tellChange(r, m, what)
	return m
}

func (s *Server) tellChange(r *room, m *Message, what string) {
	whole := mustJSON(map[string]any{"type": "message_edited", "change": what, "message": m, "seq": m.Rev})
	patch := whole
	if what == "pin" {
		set := map[string]any{"pinned_at": nil, "pinned_by": nil}
		if m.PinnedAt != nil {
			set = map[string]any{"pinned_at": m.PinnedAt, "pinned_by": m.PinnedBy}
		}
		patch = mustJSON(map[string]any{"type": "message_patch", "chat_room_id": r.id, "message_id": m.ID, "set": set, "rev": m.Rev, "seq": m.Rev})
	}
	s.deliver(r, m.Rev, func(member *session) []byte {
		if member.v2 {
			return patch
		}
		return whole
	})
}

func (s *Server) tell(r *room, typ string, m *Message) {
	text := mustJSON(struct {
		Type    string   `json:"type"`
		Message *Message `json:"message"`
		Seq     int64    `json:"seq"`
	}{typ, m, m.Rev})
	s.deliver(r, m.Rev, func(*session) []byte { return text })
}

func (s *Server) deliver(r *room, seq int64, form func(*session) []byte) {
	for member := range r.members {
		fate := Deliver
		if s.faults.Deliver != nil {
			fate = s.faults.Deliver(member.number, seq)
		}
		text := form(member)
		held := member.held
		member.held = nil
		switch fate {
		case Deliver:
			member.write(text)
		case Twice:
			member.write(text)
			member.write(text)
		case Later:
			member.held = text
		case Drop:
		}
		if held != nil {
			member.write(held)
		}
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("benchtest: " + err.Error()) // the server's own values always encode
	}
	return b
}

// session is one WebSocket.
type session struct {
	server *Server
	conn   net.Conn
	room   *room
	user   uuid.UUID
	number int     // how many joined before
	v2     bool    // the client speaks version 2
	socket *socket // its user's; nil: it has a connection of its own
	over   bool    // it has its close frame
	held   []byte  // an event that goes out after the next one
}
