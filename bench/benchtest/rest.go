package benchtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

func bearerOf(req *http.Request) string {
	if _, token, found := strings.Cut(req.Header.Get("Sec-WebSocket-Protocol"), "caravan, token."); found {
		return token
	}
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
}

// userOf reads the bearer token: a user's id, or a JWT, whose signature is not checked.
func userOf(req *http.Request) (uuid.UUID, error) {
	user, _, err := readToken(bearerOf(req))
	return user, err
}

// readToken returns whose a token is, and when it ends; zero: never.
func readToken(bearer string) (user uuid.UUID, end time.Time, err error) {
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		name, ms, ends := strings.Cut(bearer, "@")
		if ends {
			n, _ := strconv.ParseInt(ms, 10, 64) // MintFor has written it
			end = time.UnixMilli(n)
		}
		user, err = uuid.Parse(name)
		return user, end, err
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return uuid.Nil, end, err
	}
	var c claims
	if err = json.Unmarshal(text, &c); c.Ends != 0 {
		end = time.UnixMilli(c.Ends)
	}
	return c.User, end, err
}

// claims are those of a JWT that the server looks at.
type claims struct {
	User uuid.UUID `json:"user_id"`
	Ends int64     `json:"ends_ms,omitempty"`
}

// MintJWT is a bearer token of a user that looks like a JWT and is good for so long; zero: for ever.
func MintJWT(user uuid.UUID, ttl time.Duration) (string, error) {
	c := claims{User: user}
	if ttl != 0 {
		c.Ends = time.Now().Add(ttl).UnixMilli()
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(mustJSON(c)) + ".e30", nil
}

func caller(req *http.Request) uuid.UUID {
	user, err := userOf(req)
	if err != nil {
		return uuid.Nil
	}
	return user
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(v)) // the caller has gone
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]string{"detail": code, "code": code})
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := []map[string]any{}
	for id, r := range s.rooms {
		rooms = append(rooms, map[string]any{"id": id, "trip_id": id, "last_seq": r.seq})
	}
	answer(w, http.StatusOK, map[string]any{"results": rooms, "next": nil})
}

// page answers ?since= and ?after=.
func (s *Server) page(w http.ResponseWriter, req *http.Request) {
	id, err := uuid.Parse(req.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, "not_found")
		return
	}
	query := req.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 50
	}
	if query.Get("wait") != "" {
		time.Sleep(10 * time.Millisecond) // a long poll that gives up at once
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(id)
	if since, err := strconv.ParseInt(query.Get("since"), 10, 64); err == nil {
		if r.lost(since, query.Get("since_id")) {
			answer(w, http.StatusOK, map[string]any{"results": []*Message{}, "seq": 0, "has_more": true})
			return
		}
		messages, seq, more := r.since(since, limit)
		answer(w, http.StatusOK, map[string]any{"results": r.quotes(messages), "seq": seq, "has_more": more})
		return
	}
	after, err := strconv.ParseInt(query.Get("after"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	var found []*Message
	for _, m := range r.messages {
		if m.Seq > after && len(found) < limit {
			found = append(found, m)
		}
	}
	var next any
	if len(found) == limit {
		next = "?after=" + strconv.FormatInt(found[limit-1].Seq, 10)
	}
	answer(w, http.StatusOK, map[string]any{"results": r.quotes(found), "next": next, "previous": nil})
}

func (s *Server) post(w http.ResponseWriter, req *http.Request) {
	var b struct {
		Room uuid.UUID `json:"chat_room"`
		order
	}
	if json.NewDecoder(req.Body).Decode(&b) != nil {
		refuse(w, http.StatusBadRequest, "invalid_json")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, duplicate, code := s.send(s.room(b.Room), caller(req), &b.order)
	switch {
	case code != "":
		refuse(w, http.StatusServiceUnavailable, code)
	case duplicate:
		answer(w, http.StatusOK, m)
	default:
		answer(w, http.StatusCreated, m)
	}
}

// get answers with one message, as it is now.
func (s *Server) get(w http.ResponseWriter, req *http.Request) {
	id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
	s.mu.Lock()
	defer s.mu.Unlock()
	r, at := s.find(id)
	if r == nil || s.excludes(r, caller(req), false) {
		refuse(w, http.StatusNotFound, "not_found")
		return
	}
	answer(w, http.StatusOK, r.quote(r.messages[at]))
}

func (s *Server) patch(w http.ResponseWriter, req *http.Request) {
	var b struct {
		Content string `json:"content"`
	}
	id, err := uuid.Parse(req.PathValue("id"))
	if err != nil || json.NewDecoder(req.Body).Decode(&b) != nil {
		refuse(w, http.StatusBadRequest, "invalid_json")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, code := s.edit(caller(req), id, b.Content)
	changed(w, m, code)
}

// changed answers with a message, or says why it was not changed.
func changed(w http.ResponseWriter, m *Message, code string) {
	if code != "" {
		refuse(w, http.StatusForbidden, code)
		return
	}
	answer(w, http.StatusOK, m)
}

func (s *Server) unmake(w http.ResponseWriter, req *http.Request) {
	id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
	s.mu.Lock()
	defer s.mu.Unlock()
	m, code := s.remove(caller(req), id)
	changed(w, m, code)
}

func (s *Server) repin(on bool) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
		s.mu.Lock()
		defer s.mu.Unlock()
		m, code := s.pin(caller(req), id, on)
		changed(w, m, code)
	}
}

func (s *Server) pins(w http.ResponseWriter, req *http.Request) {
	id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(id)
	answer(w, http.StatusOK, map[string]any{"results": r.quotes(r.pinned()), "next": nil})
}

func (s *Server) replies(w http.ResponseWriter, req *http.Request) {
	id, _ := uuid.Parse(req.PathValue("id")) // zero is nobody's
	s.mu.Lock()
	defer s.mu.Unlock()
	results := []*Message{}
	if r, _ := s.find(id); r != nil {
		for _, m := range r.messages {
			if m.ReplyTo != nil && m.ReplyTo.ID == id {
				results = append(results, r.quote(m))
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"results": results, "next": nil})
}
