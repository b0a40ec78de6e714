package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// inEveryWay reads a message of room r, which is its last, by all reads that there are.
func (w *world) inEveryWay(r int, id uuid.UUID) map[string]protocol.Message {
	w.t.Helper()
	read := make(map[string]protocol.Message)
	take := func(way string, messages []protocol.Message, err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatalf("%s: %v", way, err)
		}
		for _, m := range messages {
			if m.ID == id {
				read[way] = m
				return
			}
		}
		w.t.Fatalf("%s: the message is not there: %+v", way, messages)
	}
	limit := room.Limit{Messages: 200}
	one, err := w.store.Message(w.ctx(), id)
	take("message", []protocol.Message{one}, err)
	pages, err := w.store.Latest(w.ctx(), w.rooms[r:r+1], limit)
	take("latest", append(pages, room.Page{})[0].Messages, err)
	page, err := w.store.Before(w.ctx(), w.rooms[r], math.MaxInt64, limit)
	take("before", page.Messages, err)
	page, err = w.store.After(w.ctx(), w.rooms[r], 0, limit)
	take("after", page.Messages, err)
	page, err = room.Changes(w.ctx(), w.store, room.SinceQuery{Room: w.rooms[r], Limit: limit.Messages})
	take("changes", page.Messages, err)
	rooms, err := w.store.Rooms(w.ctx(), w.users[0].ID, uuid.Nil, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range rooms.Rooms {
		if s.ID == w.rooms[r] {
			take("rooms", []protocol.Message{*s.Last}, nil)
		}
	}
	return read
}

// setRow changes the row of a message behind the store's back.
func (w *world) setRow(id uuid.UUID, set string) {
	w.t.Helper()
	w.app(fmt.Sprintf("UPDATE chat_messages SET %s WHERE id = '%s'", set, id))
}

// testOddExtra: what is wrong in a row is left out, and the rest is told.
func testOddExtra(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const stamp = "'2026-01-02 03:04:05.000000+00:00'"
	user := w.users[0].ID
	for set, extra := range map[string]*protocol.Extra{
		`extra = '{}'`:   nil,
		`extra = 'null'`: nil,
		`extra = '[1]'`:  nil,
		`extra = '"x"'`:  nil,
		`extra = '{"reply_count":"many","mentions_all":true,"mentions":[1]}'`:   {MentionsAll: true},
		`extra = '{"deleted_by":"sender","pinned_by":"` + user.String() + `"}'`: nil,
		`extra = '{"data":[],"reply_count":2}'`:                                 {ReplyCount: 2},
		`extra = '{"reply_count":2}', pinned_at = ` + stamp:                     {ReplyCount: 2, PinnedAt: at},
		`extra = '{"pinned_by":"` + user.String() + `"}', pinned_at = ` + stamp: {PinnedAt: at, PinnedBy: user},
		`extra = '{"later":1}'`:                    {Later: `"later":1`},
		`deleted_at = ` + stamp:                    {DeletedAt: at},
		`deleted_at = ` + stamp + `, extra = '[]'`: {DeletedAt: at},
		`deleted_at = ` + stamp + `, pinned_at = ` + stamp + `, extra = '{"deleted_by":"moderator","reply_count":3,` +
			`"data":{"a":1},"mentions_all":true,"later":1,"reactions":[{"emoji":"x","count":1}]}'`: {DeletedAt: at, DeletedBy: protocol.DeletedByModerator, ReplyCount: 3},
	} {
		original := w.stored(w.send(0, 0, "secret"))
		w.setRow(original.ID, set)
		want := *original
		want.Extra = extra
		deleted := strings.HasPrefix(set, "deleted_at")
		if deleted {
			want.Content = ""
		}
		for way, m := range w.inEveryWay(0, original.ID) {
			if m.Extra != nil {
				m.Extra.Later = strings.ReplaceAll(m.Extra.Later, " ", "") // databases write JSON in their own way
			}
			if got := m; !got.Extra.Equal(extra) || got.Content != want.Content || got.Seq != want.Seq {
				t.Errorf("%s: %s shows %q %+v, want %+v", set, way, m.Content, m.Extra, extra)
			}
		}
		if deleted {
			continue
		}
		edited := w.stored(w.edit(0, 0, original.ID, "edited"))
		w.mustEqual(edited)
		if edited.Content != "edited" || (edited.Extra == nil) != (extra == nil) {
			t.Errorf("%s: edited it is %+v", set, edited.Extra)
		}
	}
}

// testDeletedRow: whatever the row of a deleted message holds, also because a node of the
// release before has edited it, nothing of it is told, not even in quotes.
func testDeletedRow(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	original := w.stored(w.send(0, 0, "secret"))
	first := w.stored(w.send(0, 0, "an answer", replyTo(original.ID), clientID("a")))
	w.setRow(original.ID, "deleted_at = '2026-01-02 03:04:05'")
	want := &protocol.Reply{ID: original.ID, SenderEmail: w.users[0].Email, Deleted: true}
	quoting := w.inEveryWay(0, first.ID)
	again := w.send(0, 0, "an answer", clientID("a"))
	edit := w.edit(0, 0, first.ID, "an answer 2")
	w.append(again, edit)
	quoting["known"], quoting["edited"] = *again.Message, *edit.Message
	for way, m := range quoting {
		if *m.ReplyTo != *want {
			t.Errorf("%s quotes %+v, want %+v", way, m.ReplyTo, want)
		}
	}
}
