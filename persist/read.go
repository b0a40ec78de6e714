package persist

import (
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// readRule notes up to which number a member has read.
var readRule = rule{settle: settleRead}

var readColumn = MarkColumn{Table: "chat_reads", Column: "read_seq"}

func settleRead(s *settling, op *room.Op) result {
	return s.mark(op, readColumn, min(op.UpTo, s.number(op.Room)))
}

// Unread is how many messages count as unread where so many of the first
// protocol.UnreadLookedMax after a mark are others'. more says that there are further ones.
func Unread(others int, more bool) int {
	if others == 0 && more {
		return 1 // somewhere among them, for all that is known
	}
	return min(others, protocol.UnreadMax)
}

// CutReadMarks makes a page of at most limit of marks of which one more was asked for.
func CutReadMarks(p room.ReadMarkPage, limit int) room.ReadMarkPage {
	if p.HasMore = len(p.Marks) > limit; p.HasMore {
		p.Marks = p.Marks[:limit]
	}
	return p
}
