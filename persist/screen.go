package persist

import (
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// screen refuses what must never reach a database, because some store would
// fail on it and another would keep it: text that is no UTF-8 or has U+0000, and what the
// rule of its kind refuses, as a row without an id. Callers validate
// before; this is the wall that holds when they forget.
func screen(op *room.Op) *protocol.Error {
	r := ruleOf(op)
	switch {
	case r == nil:
		return protocol.ErrInternal
	case !storable(op.Content):
		return protocol.ErrInvalidContent
	case r.screen != nil:
		return r.screen(op)
	}
	return nil
}

// screenChange refuses a change whose row has no id, and one of the message that has the zero id,
// which is none.
func screenChange(op *room.Op) *protocol.Error {
	switch uuid.Nil {
	case op.Row:
		return protocol.ErrInternal
	case op.MessageID:
		return protocol.ErrNotFound
	}
	return nil
}

func storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}
