package persist

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestALogWithANumberTwiceGoesOn: somebody set the room's number back, so a message and a
// change have one number. A read that begins there still has at least one entry, however
// large, and says that there are more.
func TestALogWithANumberTwiceGoesOn(t *testing.T) {
	entry := func(seq int64) room.LogEntry {
		return room.LogEntry{Seq: seq, Row: uuid.New(), Message: &protocol.Message{Content: strings.Repeat("x", 100), Rev: seq}}
	}
	read := func(q room.WalkQuery, rows ...room.LogEntry) (seqs []int64, more bool) {
		l := NewLog(q)
		for _, e := range rows[:l.Rows()] {
			if !l.Full() {
				l.Add(e)
			}
		}
		for _, e := range l.Walk().Entries {
			seqs = append(seqs, e.Seq)
		}
		return seqs, l.Walk().HasMore
	}
	known := room.WalkQuery{After: 3, Known: true, Limit: room.Limit{Messages: 2, Bytes: 10}}
	if got, more := read(known, entry(3), entry(3), entry(4), entry(5), entry(6)); !slices.Equal(got, []int64{3, 4}) || !more {
		t.Errorf("from such a number: %v, more: %v", got, more)
	}
	last := room.WalkQuery{Limit: room.Limit{Messages: 2}}
	if got, more := read(last, entry(1), entry(2), entry(2), entry(3)); !slices.Equal(got, []int64{1, 2}) || !more {
		t.Errorf("up to such a number: %v, more: %v", got, more)
	}
}
