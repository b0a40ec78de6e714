package benchtest

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
)

// mark notes how far a user has read.
func (r *room) mark(user uuid.UUID, seq int64) { r.marks[user] = max(r.marks[user], min(seq, r.seq)) }

// read answers how far the caller has read.
func (s *Server) read(w http.ResponseWriter, req *http.Request) {
	var body struct{ Seq int64 }
	id, err := uuid.Parse(req.PathValue("id"))
	if err != nil || json.NewDecoder(req.Body).Decode(&body) != nil {
		refuse(w, http.StatusBadRequest, "invalid_json")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, user := s.room(id), caller(req)
	r.mark(user, body.Seq)
	answer(w, http.StatusOK, map[string]int64{"read_seq": r.marks[user]})
}

// watched tells who has read how far.
func (m *session) watched() {
	reads := []map[string]any{}
	for user, seq := range m.room.marks {
		reads = append(reads, map[string]any{"user_id": user, "seq": seq})
	}
	m.write(mustJSON(map[string]any{"type": "reads", "chat_room_id": m.room.id, "reads": reads}))
}
