package benchtest

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// upgrade makes a WebSocket of a request; nil: it is refused.
func (s *Server) upgrade(w http.ResponseWriter, req *http.Request) (net.Conn, *bufio.Reader, uuid.UUID) {
	if s.faults.Reject != 0 {
		http.Error(w, `{"detail":"rejected"}`, s.faults.Reject)
		return nil, nil, uuid.Nil
	}
	s.mu.Lock()
	shut := s.shut
	s.mu.Unlock()
	if shut {
		http.Error(w, `{"detail":"closed"}`, http.StatusServiceUnavailable)
		return nil, nil, uuid.Nil
	}
	user, err := userOf(req)
	if err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return nil, nil, uuid.Nil
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, uuid.Nil
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	chosen := ""
	if strings.HasPrefix(req.Header.Get("Sec-WebSocket-Protocol"), "caravan") {
		chosen = "Sec-WebSocket-Protocol: caravan\r\n"
	}
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%sSec-WebSocket-Accept: %s\r\n\r\n",
		chosen, base64.StdEncoding.EncodeToString(sum[:]))
	return conn, rw.Reader, user
}

// connect upgrades a request and serves the session until it ends.
func (s *Server) connect(w http.ResponseWriter, req *http.Request) {
	trip, err := uuid.Parse(req.PathValue("trip"))
	if err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	conn, r, user := s.upgrade(w, req)
	if conn == nil {
		return
	}
	defer func() { _ = conn.Close() }() // the session has ended
	m := &session{server: s, conn: conn, user: user, v2: req.URL.Query().Get("v") == "2"}
	if s.faults.CloseCode != 0 {
		m.frame(0x8, binary.BigEndian.AppendUint16(nil, s.faults.CloseCode))
		return
	}
	query := req.URL.Query()
	m.join(trip, query.Get("since"), query.Get("since_id"))
	defer m.part()
	m.serve(r)
}

// join makes the session a member.
func (m *session) join(trip uuid.UUID, since, last string) {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	m.enter(trip, since, last, 0)
}

// enter tells the history, of at most limit messages, and makes the session a member, in one
// moment.
func (m *session) enter(trip uuid.UUID, since, last string, limit int) {
	if m.room == nil {
		m.room = m.server.room(trip)
		m.number = m.server.sessions
		m.server.sessions++
	}
	if m.server.excludes(m.room, m.user, false) {
		m.sendAway(4003)
		return
	}
	first := map[string]any{"type": "message_history", "chat_room_id": trip, "trip_id": trip}
	if from, err := strconv.ParseInt(since, 10, 64); err == nil {
		if m.room.lost(from, last) {
			m.write(m.beginAnew())
			if m.socket != nil {
				m.sendAway(1012)
			}
			return
		}
		if limit == 0 {
			limit = 1000
		}
		messages, seq, more := m.room.since(from, limit)
		first["since"], first["messages"], first["seq"], first["has_more"] = from, m.room.quotes(shown(messages, m.server.faults.Resume)), seq, more
	} else {
		if limit == 0 {
			limit = 50
		}
		messages := m.room.messages[max(0, len(m.room.messages)-limit):]
		first["messages"], first["seq"] = m.room.quotes(shown(messages, m.server.faults.History)), m.room.seq
	}
	m.write(mustJSON(first))
	if m.v2 {
		m.tellRole()
	}
	m.room.members[m] = true
}

// shown leaves messages out of a first frame where that is wanted.
func shown(messages []*Message, count func(int) int) []*Message {
	if count == nil {
		return messages
	}
	return messages[:count(len(messages))]
}

func (m *session) part() {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	delete(m.room.members, m)
}

// serve handles frames until the client goes.
func (m *session) serve(r *bufio.Reader) { serveFrames(r, m.frame, m.message) }

// serveFrames hands in what a client says until it goes, and answers its close.
func serveFrames(r *bufio.Reader, answer func(op byte, payload []byte), hear func(payload []byte)) {
	for {
		op, payload, err := readFrame(r)
		switch {
		case err != nil:
			return
		case op == 0x8:
			answer(0x8, payload)
			return
		case op == 0x1:
			hear(payload)
		}
	}
}

func (m *session) message(p []byte) {
	var f struct {
		Type      string    `json:"type"`
		MessageID uuid.UUID `json:"message_id"`
		On        bool      `json:"on"`
		Seq       int64     `json:"seq"`
		order
	}
	if json.Unmarshal(p, &f) != nil {
		return
	}
	s := m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.over {
		return
	}
	switch f.Type {
	case "chat_message":
		if s.faults.Silent != nil && s.faults.Silent(f.ClientID) {
			return
		}
		stored, duplicate, code := s.send(m.room, m.user, &f.order)
		switch {
		case code != "":
			m.fail(code, f.ClientID)
		case duplicate:
			m.write(mustJSON(map[string]any{"type": "chat_message", "message": stored, "seq": stored.Seq, "duplicate": true}))
		}
	case "typing":
		if s.faults.LimitTyping {
			m.fail("rate_limited", f.ClientID)
		}
	case "edit_message":
		_, code := s.edit(m.user, f.MessageID, f.Content)
		m.answer(code, f.ClientID)
	case "delete_message":
		_, code := s.remove(m.user, f.MessageID)
		m.answer(code, f.ClientID)
	case "pin_message":
		_, code := s.pin(m.user, f.MessageID, f.On)
		m.answer(code, f.ClientID)
	case "react":
		m.answer("", f.ClientID)
	case "watch":
		if m.v2 {
			m.watched()
		}
	case "mark_read":
		m.room.mark(m.user, f.Seq)
		if f.ClientID != "" {
			m.answer("", f.ClientID)
		}
	}
}

// answer says whether a change was made, or with which code it was refused.
func (m *session) answer(code, clientID string) {
	switch {
	case code != "":
		m.fail(code, clientID)
	case m.v2:
		m.write(mustJSON(map[string]any{"type": "ack", "chat_room_id": m.room.id, "client_id": clientID}))
	}
}

func (m *session) fail(code, clientID string) {
	frame := map[string]any{"type": "error", "message": code, "code": code, "client_id": clientID}
	if m.room != nil {
		frame["chat_room_id"] = m.room.id
	}
	m.write(mustJSON(frame))
}

// sayGoodbye closes the connection with a code, and takes nothing from the client any more. What
// it still sends is read, until it goes: a socket that is closed with bytes unread resets the
// connection, and the code is lost.
func (m *session) sayGoodbye(code uint16) {
	m.over = true
	m.frame(0x8, binary.BigEndian.AppendUint16(nil, code))
	_ = m.conn.(*net.TCPConn).CloseWrite() // it may be gone
}

// write sends a text frame. An error shows in the reader.
func (m *session) write(text []byte) { m.frame(0x1, text) }

func (m *session) frame(op byte, p []byte) {
	b := []byte{0x80 | op}
	switch {
	case len(p) < 126:
		b = append(b, byte(len(p)))
	case len(p) < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(p)))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(len(p)))
	}
	_, _ = m.conn.Write(append(b, p...))
}

// readFrame reads one unfragmented, masked frame of at most 64 KiB.
func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(head[1] & 0x7f)
	if size == 126 {
		var ext [2]byte
		if _, err = io.ReadFull(r, ext[:]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(ext[:]))
	}
	if head[0]&0x80 == 0 || head[1]&0x80 == 0 || size == 127 {
		return 0, nil, fmt.Errorf("a frame that a harness does not send: % x", head)
	}
	var key [4]byte
	if _, err = io.ReadFull(r, key[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, size)
	if _, err = io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= key[i&3]
	}
	return head[0] & 0xf, payload, nil
}
