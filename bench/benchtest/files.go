package benchtest

import (
	"io"
	"net/http"

	"github.com/google/uuid"
)

// Attachment is a file of a message, with the contract's JSON.
type Attachment struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	MIME string    `json:"mime"`
	Size int       `json:"size"`
	URL  string    `json:"url"`
}

// file is what was uploaded.
type file struct {
	Attachment
	bytes       []byte
	room        *room
	user        uuid.UUID
	taken, gone bool
}

// say has a message say something: with files that is their caption, and the content is a link.
func (m *Message) say(text string) {
	m.Content = text
	if len(m.Attachments) > 0 {
		m.Content, m.Caption = m.Attachments[0].URL, &text
	}
}

// says is what a message says.
func (m *Message) says() string {
	if m.Caption != nil {
		return *m.Caption
	}
	return m.Content
}

func (s *Server) upload(w http.ResponseWriter, req *http.Request) {
	trip, err := uuid.Parse(req.PathValue("id"))
	bytes, err2 := io.ReadAll(req.Body)
	if err != nil || err2 != nil {
		refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	id := uuid.New()
	f := &file{bytes: bytes, user: caller(req), Attachment: Attachment{
		ID: id, Name: req.URL.Query().Get("name"), MIME: req.Header.Get("Content-Type"), Size: len(bytes),
		URL: "/api/v1/chat/attachments/" + id.String() + "/a.txt?e=1&s=x",
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.room = s.room(trip)
	s.files[id] = f
	answer(w, http.StatusCreated, f.Attachment)
}

func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil {
		refuse(w, http.StatusNotFound, "not_found")
		return
	}
	bytes := f.bytes
	if f.gone {
		bytes = nil
	}
	if s.faults.Serve != nil {
		bytes = s.faults.Serve(f.bytes, f.gone)
	}
	if bytes == nil {
		refuse(w, http.StatusNotFound, "not_found")
		return
	}
	_, _ = w.Write(bytes) // the caller has gone
}

// take gives files to a message of somebody's; false: it may not have them.
func (s *Server) take(m *Message, r *room, user uuid.UUID, ids []uuid.UUID) bool {
	for _, id := range ids {
		f := s.files[id]
		if f == nil || f.room != r || f.user != user || (f.taken && s.faults.ShareFiles == nil) {
			return false
		}
		m.Attachments = append(m.Attachments, f.Attachment)
	}
	for _, id := range ids {
		if s.files[id].taken {
			s.faults.ShareFiles()
		}
		s.files[id].taken = true
	}
	m.say(m.Content)
	return true
}

// lose has the files of a message that is deleted be gone.
func (s *Server) lose(m *Message) {
	for _, a := range m.Attachments {
		s.files[a.ID].gone = true
	}
	m.Attachments, m.Caption = nil, nil
}
