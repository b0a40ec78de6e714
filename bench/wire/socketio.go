package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// What a client says by Socket.IO 5 on Engine.IO 4, of which WebSockets alone are used:
// https://github.com/socketio/socket.io-protocol. Rooms are of the server's own making there; its
// side of the convention stands in docs/bench.md.
const (
	SocketIOTarget  = "/socket.io/?EIO=4&transport=websocket"
	SocketIOConnect = "40" // to the namespace /
	SocketIOPong    = "3"
)

// AppendSocketIOJoin appends the event that asks for a room, and to be acknowledged.
func AppendSocketIOJoin(dst []byte, room int) []byte {
	dst = append(dst, `420["join","`...)
	return append(AppendRoom(dst, room), `"]`...)
}

// NewSocketIOTemplate makes the frame of a message to a room. What it says is as long as with NewRawTemplate.
func NewSocketIOTemplate(content string, key [4]byte) *Template {
	before, after := rawTexts(content)
	return newRoomTemplate(`42["message","`, `",`+before, after+`]`, key)
}

var socketIOMessage = []byte(`42["message",`)

// ScanSocketIO reads a packet into ev.
func (s *Scanner) ScanSocketIO(p []byte, ev *Event) error {
	if bytes.HasPrefix(p, socketIOMessage) {
		*ev = Event{Kind: KindMessage, ClientID: s.clientID(p)}
		return nil
	}
	kind := KindOther
	var code string
	switch {
	case len(p) == 0:
	case p[0] == '0':
		kind = KindOpened
	case p[0] == '2':
		kind = KindPing
	case p[0] == '1', bytes.HasPrefix(p, []byte("41")):
		kind = KindEnd
	case bytes.HasPrefix(p, []byte("40")):
		kind = KindConnected
	case bytes.HasPrefix(p, []byte("43")):
		kind = KindHistory
	case bytes.HasPrefix(p, []byte("44")):
		var why struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal(p[2:], &why); err != nil {
			return err
		}
		kind, code = KindError, why.Message
	}
	*ev = Event{Kind: kind, Code: code}
	return nil
}

// roomBytes is the length of every room's name: room- and digits.
const (
	roomBytes  = len(roomPrefix) + roomDigits
	roomPrefix = "room-"
	roomDigits = 8
)

// AppendRoom appends the name of a room by its number, as servers of other protocols know it.
func AppendRoom(dst []byte, room int) []byte {
	var digits [roomDigits]byte
	for i := range digits {
		digits[roomDigits-1-i] = byte('0' + room%10)
		room /= 10
	}
	return append(append(dst, roomPrefix...), digits[:]...)
}

// RoomName is the same as a string.
func RoomName(room int) string { return string(AppendRoom(nil, room)) }

// codeOf is an error's number as a code.
func codeOf(n int) string { return "code_" + strconv.Itoa(n) }
