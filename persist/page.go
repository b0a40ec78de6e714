package persist

import (
	"slices"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// A store asks its database for one message more than the page may hold, so
// that the cut tells whether there are more. Each function takes what it got, at
// most limit+1 messages, and the room's number of the same moment. They reuse
// the slice.

// NewestPage makes a page of messages that were read newest first, by seq: that
// of Latest and Before.
func NewestPage(messages []protocol.Message, limit int, seq int64) room.Page {
	page := cut(messages, limit, seq)
	slices.Reverse(page.Messages)
	return page
}

// OldestPage makes a page of messages that were read oldest first, by seq: that of
// After.
func OldestPage(messages []protocol.Message, limit int, seq int64) room.Page {
	return cut(messages, limit, seq)
}

func cut(messages []protocol.Message, limit int, seq int64) room.Page {
	if len(messages) > limit {
		return room.Page{Messages: messages[:limit], Seq: seq, HasMore: true}
	}
	return room.Page{Messages: messages, Seq: seq}
}

// CutWalk makes the answer of Walk of what was read in the order of the numbers, at
// most limit+1. Of two rows with one number, as after somebody set the room's number
// back, the first counts.
func CutWalk(w room.Walk, limit int) room.Walk {
	if len(w.Entries) > limit {
		w.Entries, w.HasMore = w.Entries[:limit], true
	}
	w.Entries = slices.CompactFunc(w.Entries, func(a, b room.LogEntry) bool { return a.Seq == b.Seq })
	return w
}
