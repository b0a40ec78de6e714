package room_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// goBack makes the store's room 0 what it was at a number, as an older copy of the
// database would have it.
func (h *house) goBack(t *testing.T, to int64) {
	t.Helper()
	id := h.rooms[0].ID
	h.exec(t, "DELETE FROM chat_messages WHERE chat_room_id = '%s' AND seq > %d", id, to)
	h.exec(t, "DELETE FROM chat_events WHERE chat_room_id = '%s' AND seq > %d", id, to)
	h.exec(t, "UPDATE chat_rooms SET last_seq = %[2]d WHERE id = '%[1]s'", id, to)
}

// exec changes the database as another program may.
func (h *house) exec(t *testing.T, form string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf(form, args...)); err != nil {
		t.Fatal(err)
	}
}

func (l *hearer) isRewound() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rewound
}

// tell has a room told so many messages, and one listener hear them.
func (h *house) tell(t *testing.T, n int) *hearer {
	t.Helper()
	l := &hearer{}
	h.Follow(h.rooms[0].ID, h.rooms[0].Seq, l)
	for i := range n {
		h.send(t, 0, fmt.Sprint("told as ", i+1))
	}
	l.hears(t, n)
	return l
}

// resume answers who comes back to room 0 with a number and the message that they have
// there; the nil id names none.
func (h *house) resume(t *testing.T, since int64, last uuid.UUID) *room.History {
	t.Helper()
	return history(t, func(done func(*room.History, error)) {
		h.Resume(h.rooms[0].Told(), room.SinceQuery{Since: since, Last: last}, nil, done)
	})
}

// TestAStoreThatGoesBackRewindsItsRooms: the numbers of events that it has lost are
// given again, which nobody may take for repeats of what was told.
func TestAStoreThatGoesBackRewindsItsRooms(t *testing.T) {
	var logged syncBuffer
	h := open(t, room.Config{Lanes: 1, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	id := h.rooms[0].ID
	old := h.tell(t, 5)
	ask := func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) }
	history(t, ask) // is kept in memory from now on
	polled, asked := make(chan room.Page, 1), h.Stats().HistoryAsked
	go func() {
		p, err := h.Wait(t.Context(), h.rooms[0], room.SinceQuery{Room: id, Since: 5, Limit: 50})
		if err != nil {
			t.Error(err)
		}
		polled <- p
	}()
	await.Until(t, "the poll has found nothing", func() bool { return h.Stats().HistoryAsked > asked })
	h.goBack(t, 2)
	h.send(t, 0, "stored as 3")
	if !old.isRewound() || len(old.events) != 5 {
		t.Errorf("told of it: %v; %d events told", old.isRewound(), len(old.events))
	}
	if p := await.Value(t, "an answer to the poll", polled); len(p.Messages) != 0 || p.Stand != 0 || !p.HasMore {
		t.Errorf("who polls from 5 gets %+v", p)
	}

	fresh := &hearer{}
	if last := h.Follow(id, 0, fresh); last != 3 {
		t.Errorf("who follows the room now begins at %d", last)
	}
	h.Unfollow(id, old)
	for i := range 4 {
		h.send(t, 0, fmt.Sprint("stored as ", i+4))
	}
	for i, e := range fresh.hears(t, 4) {
		if e.Seq != int64(i+4) || e.Prev != int64(i+3) {
			t.Errorf("event %d comes after %d", e.Seq, e.Prev)
		}
	}
	page, err := h.store.Latest(t.Context(), []uuid.UUID{id}, room.Limit{Messages: 50})
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendHistory(nil, h.rooms[0].Told(), bodies(page[0].Messages), 7)
	if got := history(t, ask); string(got.Frame) != string(want) {
		t.Errorf("newcomers get   %s\nthe store answers %s", got.Frame, want)
	}
	h.mustBeginAnew(t, 5, old.events[4].Message, 7)
	// Who stands where the store does goes on from there, and so does who does not say
	// what it has.
	for since, last := range map[int64]uuid.UUID{2: old.events[1].Message, 6: page[0].Messages[5].ID, 5: {}} {
		want := protocol.AppendResume(nil, h.rooms[0].Told(), since, bodies(page[0].Messages[since:]), 7, false)
		if got := h.resume(t, since, last); string(got.Frame) != string(want) {
			t.Errorf("who comes back with %d gets %s\nwant %s", since, got.Frame, want)
		}
	}
	if n := h.Stats().Rewinds; n != 1 {
		t.Errorf("counted as %d rooms", n)
	}
	await.Until(t, "the operator is told", func() bool {
		return strings.Contains(logged.String(), "level=ERROR") && strings.Contains(logged.String(), "told=5 kept=2")
	})
	if h.Unfollow(id, fresh); h.Stats().RoomsNow != 0 {
		t.Error("the room is followed for ever")
	}
}

// TestAServerThatStopsHasToldWhatWentBack: the operator is told once a second, and at the end.
func TestAServerThatStopsHasToldWhatWentBack(t *testing.T) {
	var logged syncBuffer
	h := open(t, room.Config{Lanes: 1, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	old := h.tell(t, 5)
	h.goBack(t, 2)
	h.send(t, 0, "stored as 3")
	if !old.isRewound() {
		t.Fatal("its members are not told")
	}
	h.Close()
	if !strings.Contains(logged.String(), "told=5 kept=2") {
		t.Errorf("the operator is told %s", logged.String())
	}
}

// mustBeginAnew checks that who comes back to room 0 with a message that the store
// lost forgets all.
func (h *house) mustBeginAnew(t *testing.T, since int64, lost uuid.UUID, stands int64) {
	t.Helper()
	got := h.resume(t, since, lost)
	if string(got.Frame) != string(protocol.AppendRewound(nil, h.rooms[0].Told())) || got.Seq != stands {
		t.Errorf("who comes back with %d gets %s and goes on from %d, want from %d", since, got.Frame, got.Seq, stands)
	}
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestANodeThatOnlyListensFindsThatTheStoreWentBack: others write there, and their
// notices look like repeats, or are lost.
func TestANodeThatOnlyListensFindsThatTheStoreWentBack(t *testing.T) {
	for name, find := range map[string]func(*testing.T, *house){
		"by a look, nothing was stored since": func(_ *testing.T, h *house) { h.CatchUp(h.rooms[0].ID) },
		"by a look, more was stored since than was lost": func(t *testing.T, h *house) {
			for range 6 {
				h.elsewhere(t, h.message(3, "of another node"))
			}
			h.CatchUp(h.rooms[0].ID)
		},
		"by a notice":                      func(t *testing.T, h *house) { h.hearElsewhere(t, 3, 5) },
		"by a notice, others on its heels": func(t *testing.T, h *house) { h.hearElsewhere(t, 3, 20) },
	} {
		t.Run(name, func(t *testing.T) {
			h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
			l := h.tell(t, 5)
			h.goBack(t, 2)
			find(t, h)
			await.Until(t, "the listener is told", l.isRewound)
			h.Unfollow(h.rooms[0].ID, l)
			if head := h.head(t); head >= 5 {
				h.mustBeginAnew(t, 5, l.events[4].Message, head)
			} else if got := h.resume(t, 5, l.events[4].Message); got.Seq != head {
				t.Errorf("who comes back with 5 is told %d, and the store stands at %d", got.Seq, head)
			}
		})
	}
}

// head is the number at which the store has room 0.
func (h *house) head(t *testing.T) int64 {
	t.Helper()
	seq, _, err := h.store.Head(t.Context(), h.rooms[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// hearElsewhere has another node store messages, and tell of them at once.
func (h *house) hearElsewhere(t *testing.T, first, last int64) {
	t.Helper()
	var notices []*room.Batch
	for seq := first; seq <= last; seq++ {
		op := h.message(3, "of another node")
		h.elsewhere(t, op)
		notices = append(notices, &room.Batch{Room: op.Room, Events: []room.Event{
			{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Message: op.MessageID, Body: []byte("{}"), Frame: []byte("{}")},
		}})
	}
	for _, b := range notices {
		h.Announce(b)
	}
}

// TestWhoOnlyReadAHistoryLearnsThatTheStoreWentBack: nothing was told live yet.
func TestWhoOnlyReadAHistoryLearnsThatTheStoreWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
	var lost *protocol.Message
	for i := range 5 {
		lost = h.send(t, 0, fmt.Sprint("stored as ", i+1))
	}
	l := &hearer{}
	h.Follow(h.rooms[0].ID, 5, l)
	history(t, func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) })
	h.goBack(t, 2)
	for range 4 {
		h.elsewhere(t, h.message(3, "of another node"))
	}
	h.CatchUp(h.rooms[0].ID)
	await.Until(t, "the listener is told", l.isRewound)
	h.mustBeginAnew(t, 5, lost.ID, 6)
}

// TestTwoNodesFindThatTheStoreWentBack: what another node stored before this one
// did is not taken for what the store kept.
func TestTwoNodesFindThatTheStoreWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
	l := h.tell(t, 10)
	h.goBack(t, 5)
	h.elsewhere(t, h.message(3, "of another node")) // 6
	h.send(t, 0, "stored as 7")
	await.Until(t, "the listener is told", l.isRewound)
	h.mustBeginAnew(t, 7, l.events[6].Message, 7)
}

// unsettled is a store whose standbys lack what was committed last.
type unsettled struct {
	room.Store
	lacking atomic.Bool
}

func (u *unsettled) Settled(ctx context.Context) error {
	if u.lacking.Load() {
		return room.ErrStoreDown
	}
	return u.Store.Settled(ctx)
}

// TestARepairTellsNothingThatTheStandbysLack: rows of a commit that was cut can be
// read before they are safe.
func TestARepairTellsNothingThatTheStandbysLack(t *testing.T) {
	u := &unsettled{}
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { u.Store = s; return u })
	l := h.tell(t, 1)
	u.lacking.Store(true)
	h.elsewhere(t, h.message(3, "cut"))
	h.CatchUp(h.rooms[0].ID)
	await.Until(t, "a repair has failed", func() bool { return h.Stats().RepairErrors > 0 })
	if n := len(l.hears(t, 1)); n != 1 {
		t.Errorf("%d events told", n)
	}
	u.lacking.Store(false)
	l.hears(t, 2)
}

// lagging is a store whose reads go to a copy that lags, but for Head.
type lagging struct {
	room.Store
	by func() int64
}

func (l *lagging) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	heads, err := l.Store.Heads(ctx, rooms)
	for i := range heads {
		heads[i] = room.Head{Seq: heads[i].Seq - l.by()}
	}
	return heads, err
}

func (l *lagging) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	w, err := l.Store.Walk(ctx, q)
	w.Seq -= l.by()
	for len(w.Entries) > 0 && w.Entries[len(w.Entries)-1].Seq > w.Seq {
		w.Entries = w.Entries[:len(w.Entries)-1]
	}
	return w, err
}

// TestNothingElseIsTakenForAStoreThatWentBack: a copy that lags, notices that are
// late or come again, and those of another deployment.
func TestNothingElseIsTakenForAStoreThatWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store {
		return &lagging{s, func() int64 { return 2 }}
	})
	id := h.rooms[0].ID
	var notices []*room.Batch
	keeper := &listener{func(b *room.Batch) { notices = append(notices, b) }}
	h.Follow(id, 0, keeper)
	l := h.tell(t, 5)
	for range 10 {
		h.CatchUp(id)
		for _, b := range notices {
			h.Announce(b)
		}
		h.Announce(&room.Batch{Room: id, Events: []room.Event{{Kind: protocol.KindMessage, Seq: 5, Prev: 4, Message: uuid.New(), Body: []byte("{}"), Frame: []byte("{}")}}})
		time.Sleep(5 * time.Millisecond)
	}
	await.Until(t, "the store was asked", func() bool { return h.Stats().Repairs > 2 })
	h.send(t, 0, "and so on")
	if events := l.hears(t, 6); len(events) != 6 || l.isRewound() || h.Stats().Rewinds != 0 {
		t.Errorf("%d events told; set back: %v", len(events), l.isRewound())
	}
}
