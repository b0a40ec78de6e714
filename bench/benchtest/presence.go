package benchtest

import (
	"net/http"

	"github.com/google/uuid"
)

// present tells who is in a room.
func (s *Server) present(w http.ResponseWriter, req *http.Request) {
	id, err := uuid.Parse(req.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, "not_found")
		return
	}
	s.mu.Lock()
	here := make(map[uuid.UUID]bool)
	for m := range s.room(id).members {
		here[m.user] = true
	}
	s.mu.Unlock()
	if s.faults.Present != nil {
		s.faults.Present(here)
	}
	members := []map[string]any{}
	for user := range here {
		members = append(members, map[string]any{"user": sender{ID: user}, "online": true})
	}
	answer(w, http.StatusOK, map[string]any{"online": len(here), "results": members, "next": nil})
}
