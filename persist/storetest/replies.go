package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// testReplies pages through what answers a message: tombstones, too, also where it is one
// itself, and nothing of another room.
func testReplies(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	first := w.stored(w.send(0, 0, "first"))
	second := w.stored(w.send(0, 0, "second"))
	var answers []uuid.UUID
	for i := range 6 { // numbers 3, 5, 7, 9, 11, 13
		answers = append(answers, w.stored(w.send(0, i%2, "answer", replyTo(first.ID))).ID)
		w.append(w.send(0, 1, "to the second", replyTo(second.ID)))
	}
	far := w.stored(w.send(1, 0, "elsewhere"))
	w.app(fmt.Sprintf("UPDATE chat_messages SET reply_to_id = '%s' WHERE id = '%s'", first.ID, far.ID))
	w.append(w.delete(0, 1, answers[1])) // 15
	w.append(w.delete(0, 0, first.ID))   // 16

	for _, c := range []struct {
		after bool
		seq   int64
		limit int
		want  []int64
		more  bool
	}{
		{false, 1 << 62, 2, []int64{11, 13}, true}, {false, 1 << 62, 6, []int64{3, 5, 7, 9, 11, 13}, false},
		{false, 7, 5, []int64{3, 5}, false}, {false, 7, 1, []int64{5}, true}, {false, 3, 5, nil, false}, {false, -1, 5, nil, false},
		{true, 0, 2, []int64{3, 5}, true}, {true, -7, 1, []int64{3}, true}, {true, 5, 5, []int64{7, 9, 11, 13}, false}, {true, 13, 5, nil, false}, {true, 1 << 62, 5, nil, false},
	} {
		read := w.store.RepliesBefore
		if c.after {
			read = w.store.RepliesAfter
		}
		w.mustReplies(read, first.ID, c.seq, c.limit, c.want, c.more)
	}
	w.mustReplies(w.store.RepliesBefore, second.ID, 1<<62, 2, []int64{12, 14}, true)
	for _, none := range []uuid.UUID{answers[0], far.ID, uuid.New(), uuid.Nil} {
		w.mustReplies(w.store.RepliesAfter, none, 0, 5, nil, false)
	}
	page, err := w.store.RepliesAfter(w.ctx(), w.rooms[0], first.ID, 0, room.Limit{Messages: 2})
	if err != nil || !page.Messages[1].Deleted() || page.Messages[0].ReplyTo == nil || !page.Messages[0].ReplyTo.Deleted || page.Messages[0].ReplyTo.Content != "" {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err := w.store.RepliesAfter(w.ctx(), uuid.New(), first.ID, 0, room.Limit{Messages: 2}); err != nil || len(page.Messages) > 0 || page.Seq != 0 {
		t.Errorf("of a room that is not there: %+v, %v", page, err)
	}
	page, err = w.store.RepliesBefore(w.ctx(), w.rooms[0], first.ID, 1<<62, room.Limit{Messages: 5, Bytes: 13})
	if err != nil || len(page.Messages) != 2 || !page.HasMore {
		t.Errorf("%d of 13 bytes, %+v, %v", len(page.Messages), page, err)
	}
}

// mustReplies checks which answers to a message of room 0 are read.
func (w *world) mustReplies(read func(context.Context, uuid.UUID, uuid.UUID, int64, room.Limit) (room.Page, error),
	to uuid.UUID, seq int64, limit int, want []int64, more bool) {
	w.t.Helper()
	page, err := read(w.ctx(), w.rooms[0], to, seq, room.Limit{Messages: limit})
	var got []int64
	for i := range page.Messages {
		m := &page.Messages[i]
		got = append(got, m.Seq)
		w.mustEqual(m)
	}
	if err != nil || !slices.Equal(got, want) || page.HasMore != more || page.Seq != w.head(0) {
		w.t.Errorf("beyond %d, at most %d: %v, seq %d, more %v, %v; want %v, more %v", seq, limit, got, page.Seq, page.HasMore, err, want, more)
	}
}
