package wire

import (
	"bytes"
	"encoding/json"
)

// Kind is the type of a server's frame.
type Kind uint8

// The kinds of frame that a server sends.
const (
	KindOther   Kind = iota // a type that the harness does not know
	KindHistory             // message_history
	KindMessage             // chat_message
	KindEdited              // message_edited
	KindTyping
	KindError
	KindPong
	KindPatch // message_patch
	KindAck

	// Of other protocols.
	KindOpened    // the connection stands; it is to be named
	KindConnected // it is named; it may join
	KindPing      // is to be answered
	KindEnd       // the server ends the session, and leaves the socket
)

var kinds = map[string]Kind{
	"message_history": KindHistory,
	"chat_message":    KindMessage,
	"message_edited":  KindEdited,
	"typing":          KindTyping,
	"error":           KindError,
	"pong":            KindPong,
	"message_patch":   KindPatch,
	"ack":             KindAck,
}

// Event is what the load harness needs of a server's frame.
type Event struct {
	Kind      Kind
	Seq       int64
	Prev      int64  // the number after which it comes: Seq-1 where the frame does not say
	Duplicate bool   // an answer outside the room's order
	Code      string // of an error
	ClientID  []byte // the message's or the error's; part of the frame. nil: none
	ID        []byte // of a new message; part of the frame. nil: not found
}

// Scanner looks into frames. It remembers where the client_id stood in the last
// one, since the frames of one run look alike. The zero value is ready; not
// safe for concurrent use.
type Scanner struct {
	hint int // where `"client_id":"` began in the last frame
}

var (
	messageHead = []byte(`{"type":"chat_message","message":{`)
	historyHead = []byte(`{"type":"message_history","chat_room_id":"`)
	clientKey   = []byte(`"client_id":"`)
	seqKey      = []byte(`"seq":`)
	idKey       = []byte(`"id":"`)
)

// Scan reads a frame into ev. The shapes that make up nearly all traffic take a
// short way: a frame that begins as a new message or a history, and ends with
// the number. It is sound: the last brace of a JSON text closes the outermost
// object, so the member before it is a member of that object, and a quote that
// is not escaped cannot stand inside a string. All else is decoded as JSON.
func (s *Scanner) Scan(p []byte, ev *Event) error {
	if seq, ok := tailSeq(p); ok {
		switch {
		case bytes.HasPrefix(p, messageHead):
			*ev = Event{Kind: KindMessage, Seq: seq, Prev: seq - 1, ClientID: s.clientID(p), ID: messageID(p)}
			return nil
		case bytes.HasPrefix(p, historyHead):
			*ev = Event{Kind: KindHistory, Seq: seq, Prev: seq - 1}
			return nil
		}
	}
	return decode(p, ev)
}

// ScanRaw reads into ev what a server sent on: all that it has is the stamp.
func (s *Scanner) ScanRaw(p []byte, ev *Event) {
	*ev = Event{Kind: KindMessage, ClientID: s.clientID(p)}
}

// messageID reads the id that a new message begins with.
func messageID(p []byte) []byte {
	const idBytes = 36
	id, ok := bytes.CutPrefix(p[len(messageHead):], idKey)
	if !ok || len(id) <= idBytes || id[idBytes] != '"' {
		return nil
	}
	return id[:idBytes:idBytes]
}

// tailSeq reads the number of a frame that ends with `,"seq":N}` where a message
// or a list of them ends before it.
func tailSeq(p []byte) (int64, bool) {
	i := len(p) - 1
	if i < 0 || p[i] != '}' {
		return 0, false
	}
	var seq, unit int64 = 0, 1
	digits := 0
	for i--; i >= 0 && p[i] >= '0' && p[i] <= '9' && digits < 18; i-- {
		seq += int64(p[i]-'0') * unit
		unit *= 10
		digits++
	}
	at := i + 1 - len(seqKey)
	if digits == 0 || at < 2 || !bytes.Equal(p[at:i+1], seqKey) {
		return 0, false
	}
	if p[at-1] != ',' || (p[at-2] != '}' && p[at-2] != ']') {
		return 0, false
	}
	return seq, true
}

// clientID finds the value of the message's client_id, if it has no escapes;
// nil if it has, or if there is none. Stamps have none.
func (s *Scanner) clientID(p []byte) []byte {
	at := s.hint
	if at+len(clientKey) > len(p) || !bytes.Equal(p[at:at+len(clientKey)], clientKey) {
		at = bytes.Index(p, clientKey)
		if at < 0 {
			return nil
		}
		s.hint = at
	}
	value := p[at+len(clientKey):]
	end := bytes.IndexByte(value, '"')
	if end < 0 || bytes.IndexByte(value[:end], '\\') >= 0 {
		return nil
	}
	return value[:end:end]
}

// decode is the long way, for the frames that are rare.
func decode(p []byte, ev *Event) error {
	var f struct {
		Type      string          `json:"type"`
		Seq       int64           `json:"seq"`
		Prev      *int64          `json:"prev"`
		Duplicate bool            `json:"duplicate"`
		Code      string          `json:"code"`
		ClientID  string          `json:"client_id"`
		Message   json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(p, &f); err != nil {
		return err
	}
	*ev = Event{Kind: kinds[f.Type], Seq: f.Seq, Prev: f.Seq - 1, Duplicate: f.Duplicate, Code: f.Code}
	if f.Prev != nil {
		ev.Prev = *f.Prev
	}
	client := f.ClientID
	if ev.Kind == KindMessage || ev.Kind == KindEdited { // "message" is an object here, a text in an error
		var m struct {
			ClientID string `json:"client_id"`
		}
		if err := json.Unmarshal(f.Message, &m); err != nil {
			return err
		}
		client = m.ClientID
	}
	if client != "" {
		ev.ClientID = []byte(client)
	}
	return nil
}
