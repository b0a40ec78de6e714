package storetest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testUnreadOfMany compares with a count one by one: among more messages than are looked at, of
// which some are the user's own, some deleted, and some mention the user or everybody. A store
// may stop where it has found enough, and only there.
func testUnreadOfMany(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	const user, others = 1, 0
	type sent struct {
		seq                      int64
		own, deleted, mentioning bool
	}
	var all []sent
	var batch, deletions []*room.Op
	for i := range protocol.UnreadLookedMax + 150 {
		m := sent{seq: int64(i + 1), own: i%3 == 0 || i > 300 && i < 420, deleted: i%7 == 1, mentioning: i%2 == 0}
		sender := others
		if m.own {
			sender = user
		}
		op := w.send(0, sender, "x")
		op.May = protocol.MayAll
		if m.mentioning {
			op.Extra = &protocol.Extra{Mentions: []uuid.UUID{w.users[user].ID}, MentionsAll: i%4 == 0}
		}
		if m.deleted {
			deletions = append(deletions, w.delete(0, sender, op.MessageID))
		}
		all, batch = append(all, m), append(batch, op)
	}
	w.append(batch...)
	w.append(deletions...)
	for _, mark := range []int64{0, 1, 40, 149, 250, 301, 419, 500, 549, 640, 649, 650, 700} {
		w.append(w.read(0, user, mark))
		unread, mentions := 0, 0
		var looked int
		for _, m := range all {
			if m.seq <= mark || m.own || m.deleted {
				if m.seq > mark {
					looked++
				}
				continue
			}
			looked++
			if looked <= protocol.UnreadLookedMax {
				unread++
			}
			if m.mentioning {
				mentions++
			}
		}
		got, err := w.store.Reading(w.ctx(), w.rooms[0], w.users[user].ID)
		if want := min(unread, protocol.UnreadMax); err != nil || got.Unread != want || got.Mentions != min(mentions, protocol.MentionsCountedMax) {
			t.Errorf("after %d: %+v, %v; want %d unread and %d mentions", mark, got, err, want, mentions)
		}
		w.mustList(0, user, got)
	}
}
