package wire

import (
	"bytes"
	"encoding/json"
)

// What a client says by Centrifugo's protocol, version 2, as JSON:
// https://centrifugal.dev/docs/transports/client_protocol. A frame may hold several commands or
// replies, a line each.
const (
	CentrifugoTarget = "/connection/websocket"
	CentrifugoPong   = "{}"
)

// Ids of commands, which their replies repeat.
const (
	centrifugoConnect = iota + 1
	centrifugoSubscribe
	centrifugoPublish
)

// AppendCentrifugoJoin appends the two commands that connect, without a token, and subscribe to a room.
func AppendCentrifugoJoin(dst []byte, room int) []byte {
	dst = append(dst, `{"id":1,"connect":{}}`+"\n"+`{"id":2,"subscribe":{"channel":"`...)
	return append(AppendRoom(dst, room), `"}}`...)
}

// NewCentrifugoTemplate makes the frame that publishes a message to a room. What it says is as
// long as with NewRawTemplate.
func NewCentrifugoTemplate(content string, key [4]byte) *Template {
	before, after := rawTexts(content)
	return newRoomTemplate(`{"id":3,"publish":{"channel":"`, `","data":`+before, after+`}}`, key)
}

var (
	centrifugoPush = []byte(`{"push":{"channel":"`)
	centrifugoPub  = []byte(`","pub":{`)
	centrifugoPing = []byte(`{}`)
)

// ScanCentrifugo reads one line of a frame into ev.
func (s *Scanner) ScanCentrifugo(p []byte, ev *Event) error {
	if at := len(centrifugoPush) + roomBytes; len(p) > at && bytes.HasPrefix(p, centrifugoPush) && bytes.HasPrefix(p[at:], centrifugoPub) {
		*ev = Event{Kind: KindMessage, ClientID: s.clientID(p)}
		return nil
	}
	if bytes.Equal(bytes.TrimSpace(p), centrifugoPing) {
		*ev = Event{Kind: KindPing}
		return nil
	}
	var reply struct {
		ID    int `json:"id"`
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(p, &reply); err != nil {
		return err
	}
	*ev = Event{}
	switch {
	case reply.Error != nil:
		ev.Kind, ev.Code = KindError, codeOf(reply.Error.Code)
	case reply.ID == centrifugoSubscribe:
		ev.Kind = KindHistory
	}
	return nil
}
