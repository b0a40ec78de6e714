package persist

import (
	"slices"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// readRule notes up to which number a member has read.
var readRule = rule{marks: true, settle: settleRead}

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

// MarksOfFew returns the marks of the collaborators of a trip, of whom one more than most was
// asked for; whoever has none there has the number 0.
func MarksOfFew(all []protocol.ReadMark, most int) (marks []protocol.ReadMark, few bool) {
	if len(all) > most {
		return nil, false
	}
	return slices.DeleteFunc(all, func(m protocol.ReadMark) bool { return m.Seq <= 0 }), true
}

// CutReaders makes a page of at most limit of readers of whom one more was asked for.
func CutReaders(p room.ReaderPage, limit int) room.ReaderPage {
	if p.HasMore = len(p.Users) > limit; p.HasMore {
		p.Users = p.Users[:limit]
	}
	return p
}

// CutMembers makes a page of at most limit of members of whom one more was asked for.
func CutMembers(p room.MemberPage, limit int) room.MemberPage {
	if p.HasMore = len(p.Members) > limit; p.HasMore {
		p.Members = p.Members[:limit]
	}
	return p
}

// CutReadMarks makes a page of at most limit of marks of which one more was asked for.
func CutReadMarks(p room.ReadMarkPage, limit int) room.ReadMarkPage {
	if p.HasMore = len(p.Marks) > limit; p.HasMore {
		p.Marks = p.Marks[:limit]
	}
	return p
}
