package persist

import (
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// screen refuses what must never reach a database, because some store would
// fail on it and another would keep it: text that is no UTF-8 or has U+0000, a
// client_id longer than its column, an op without an id or of no kind. Callers
// validate before; this is the wall that holds when they forget.
func screen(op *room.Op) *protocol.Error {
	switch {
	case op.Kind != protocol.KindMessage && op.Kind != protocol.KindEdit, op.MessageID == uuid.Nil:
		return protocol.ErrInternal
	case !storable(op.Content):
		return protocol.ErrInvalidContent
	case op.Kind == protocol.KindEdit:
		return nil
	case !storable(string(op.Type)), op.Type == "", len(op.Type) > typeBytesMax:
		return protocol.ErrInvalidType
	case !storable(op.ClientID), utf8.RuneCountInString(op.ClientID) > protocol.ClientIDRunesMax:
		return protocol.ErrInvalidClient
	}
	return nil
}

// typeBytesMax is the width of message_type in an adopted database.
const typeBytesMax = 20

func storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}
