package benchtest

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// socket is one WebSocket of a user, with a session in each room that is subscribed. Its
// server's lock guards it.
type socket struct {
	session   // whose room is nil
	seats     map[uuid.UUID]*session
	half, end time.Time // of its token
	warned    bool      // its user was told that it ends
}

// MintFor is a bearer token of a user that is good for so long.
func MintFor(user uuid.UUID, ttl time.Duration) (string, error) {
	return user.String() + "@" + strconv.FormatInt(time.Now().Add(ttl).UnixMilli(), 10), nil
}

// connectUser upgrades a request and serves a user's socket until it ends.
func (s *Server) connectUser(w http.ResponseWriter, req *http.Request) {
	conn, r, user := s.upgrade(w, req)
	if conn == nil {
		return
	}
	defer func() { _ = conn.Close() }() // the session has ended
	k := &socket{session: session{server: s, conn: conn, user: user, v2: true}, seats: map[uuid.UUID]*session{}}
	s.mu.Lock()
	s.sockets[k] = true
	_, end, _ := readToken(bearerOf(req)) // upgrade has read it
	k.hold(end)
	s.mu.Unlock()
	k.serveUser(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, k)
	k.over = true
	for _, m := range k.seats {
		delete(m.room.members, m)
	}
}

// hold takes a token: its user is told at half of its time, and sent away at its end.
func (k *socket) hold(end time.Time) {
	if end.IsZero() {
		end = time.Now().Add(time.Hour)
	}
	remains := time.Until(end)
	k.half, k.end, k.warned = end.Add(-remains/2), end, false
	look := func() {
		k.server.mu.Lock()
		defer k.server.mu.Unlock()
		k.due()
	}
	time.AfterFunc(remains/2, look)
	time.AfterFunc(remains, look)
}

// due does what is due of the token: also before anything is answered, as a busy machine lets
// timers wait.
func (k *socket) due() {
	now := time.Now()
	if k.over {
		return
	}
	if !k.warned && !now.Before(k.half) {
		k.warned = true
		if !k.server.faults.Unwarned {
			k.write(mustJSON(map[string]any{"type": "token_expiring", "expires_at": k.end}))
		}
	}
	if !now.Before(k.end) && !k.server.faults.Endless {
		k.over = true
		k.sayGoodbye(4001)
	}
}

func (k *socket) serveUser(r *bufio.Reader) { serveFrames(r, k.frame, k.hear) }

// hear handles a frame about the connection, or gives it to the session of its room.
func (k *socket) hear(p []byte) {
	var f struct {
		Type     string          `json:"type"`
		Room     uuid.UUID       `json:"chat_room_id"`
		Rooms    json.RawMessage `json:"rooms"`
		Token    string          `json:"token"`
		ClientID string          `json:"client_id"`
	}
	if json.Unmarshal(p, &f) != nil {
		return
	}
	k.server.mu.Lock()
	k.due()
	if k.over {
		k.server.mu.Unlock()
		return
	}
	switch f.Type {
	case "subscribe":
		k.subscribe(f.Rooms, f.ClientID)
	case "unsubscribe":
		k.unsubscribe(f.Rooms, f.ClientID)
	case "auth":
		k.auth(f.Token, f.ClientID)
	case "ping":
		k.write([]byte(`{"type":"pong"}`))
	default:
		m := k.seats[f.Room]
		k.server.mu.Unlock()
		if m != nil {
			m.message(p)
		}
		return
	}
	k.server.mu.Unlock()
}

func (k *socket) ack(clientID string, more map[string]any) {
	frame := map[string]any{"type": "ack", "client_id": clientID}
	maps.Copy(frame, more)
	k.write(mustJSON(frame))
}

func (k *socket) subscribe(rooms json.RawMessage, clientID string) {
	var asked []struct {
		ID    uuid.UUID `json:"id"`
		Since *int64    `json:"since"`
		Last  string    `json:"since_id"`
		Limit int       `json:"limit"`
	}
	if json.Unmarshal(rooms, &asked) != nil {
		return
	}
	if k.server.faults.Hasty {
		k.ack(clientID, nil)
	}
	for _, a := range asked {
		m := k.seats[a.ID]
		if m == nil {
			m = &session{server: k.server, conn: k.conn, user: k.user, v2: true, socket: k}
			k.seats[a.ID] = m
		}
		since := ""
		if a.Since != nil {
			since = strconv.FormatInt(*a.Since, 10)
		}
		m.enter(a.ID, since, a.Last, a.Limit)
	}
	if !k.server.faults.Hasty {
		k.ack(clientID, nil)
	}
}

func (k *socket) unsubscribe(rooms json.RawMessage, clientID string) {
	var ids []uuid.UUID
	if json.Unmarshal(rooms, &ids) != nil {
		return
	}
	for _, id := range ids {
		if m := k.seats[id]; m != nil && !k.server.faults.Clinging {
			delete(m.room.members, m)
			delete(k.seats, id)
		}
	}
	k.ack(clientID, nil)
}

// auth takes a token of the same user that has not ended.
func (k *socket) auth(token, clientID string) {
	user, end, _ := readToken(token) // zero is another user
	if k.server.faults.Endless {     // so that all tokens end
		k.fail("unavailable", clientID)
		return
	}
	if user != k.user || !end.After(time.Now()) {
		if k.server.faults.Gullible == nil {
			k.fail("invalid_token", clientID)
			return
		}
		k.server.faults.Gullible()
		end = time.Now().Add(time.Minute)
	}
	k.hold(end)
	k.ack(clientID, map[string]any{"expires_at": end})
}
