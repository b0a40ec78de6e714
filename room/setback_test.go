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

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// goBack makes the store's room 0 what it was at a number, as an older copy of the
// database would have it.
func (h *house) goBack(t *testing.T, to int64) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	id := h.rooms[0].ID.String()
	for _, q := range []string{
		"PRAGMA busy_timeout = 5000",
		fmt.Sprintf("DELETE FROM chat_messages WHERE chat_room_id = '%s' AND seq > %d", id, to),
		fmt.Sprintf("UPDATE chat_rooms SET last_seq = %d WHERE id = '%s'", to, id),
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *hearer) isSetBack() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.setBack
}

// until waits for what must become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until " + what)
		}
	}
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

// TestAStoreThatGoesBackSetsItsRoomsBack: the numbers of events that it has lost are
// given again, which nobody may take for repeats of what was told.
func TestAStoreThatGoesBackSetsItsRoomsBack(t *testing.T) {
	var logged syncBuffer
	h := open(t, room.Config{Lanes: 1, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	id := h.rooms[0].ID
	old := h.tell(t, 5)
	ask := func(done func(*room.History, error)) { h.History(id, done) }
	history(t, ask) // is kept in memory from now on
	polled := make(chan room.Page, 1)
	go func() {
		p, err := h.Wait(t.Context(), h.rooms[0], 5, 50)
		if err != nil {
			t.Error(err)
		}
		polled <- p
	}()
	h.goBack(t, 2)
	h.send(t, 0, "stored as 3")
	if !old.isSetBack() || len(old.events) != 5 {
		t.Errorf("told of it: %v; %d events told", old.isSetBack(), len(old.events))
	}
	if p := <-polled; len(p.Messages) != 3 || p.Messages[2].Content != "stored as 3" || p.Seq != 3 {
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
	page, err := h.store.Latest(t.Context(), []uuid.UUID{id}, 50)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendHistory(nil, room.Bodies(page[0].Messages), 7)
	if got := history(t, ask); string(got.Frame) != string(want) {
		t.Errorf("newcomers get   %s\nthe store answers %s", got.Frame, want)
	}
	// Who comes back with the number of a lost event misses none that has it now, nor
	// of those before it: how far the store had gone back is not known.
	lost := protocol.AppendResume(nil, 0, room.Bodies(page[0].Messages), 7, false)
	if got := history(t, func(done func(*room.History, error)) { h.Resume(id, 5, nil, done) }); string(got.Frame) != string(lost) || got.Seq != 7 {
		t.Errorf("who comes back with 5 gets %s\nwant %s", got.Frame, lost)
	}
	// Pages and polls come to an end, though they pass through those numbers again.
	for since := int64(0); since < 7; {
		p, err := h.Since(t.Context(), id, since, 2)
		if err != nil || p.Stand() != min(since+2, 7) || p.HasMore != (since+2 < 7) {
			t.Fatalf("after %d comes %+v, %v", since, p, err)
		}
		since = p.Stand()
	}
	for _, since := range []int64{4, 7} {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if p, err := h.Wait(short, room.Info{ID: id, Seq: 7}, since, 50); err != nil || int64(len(p.Messages)) != 7-since {
			t.Errorf("who polls from %d gets %d messages, %v", since, len(p.Messages), err)
		}
	}
	if n := h.Stats().SetBack; n != 1 {
		t.Errorf("counted as %d rooms", n)
	}
	until(t, "the operator is told", func() bool {
		return strings.Contains(logged.String(), "level=ERROR") && strings.Contains(logged.String(), "told=5 kept=0")
	})
	if h.Unfollow(id, fresh); h.Stats().RoomsNow != 0 {
		t.Error("the room is followed for ever")
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
			h := openWith(t, room.Config{Lanes: 1}, deaf{}, func(s room.Store) room.Store { return s })
			l := h.tell(t, 5)
			h.goBack(t, 2)
			find(t, h)
			until(t, "the listener is told", l.isSetBack)
			h.Unfollow(h.rooms[0].ID, l)
			h.mustResumeWhole(t, 5)
		})
	}
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

// mustResumeWhole checks that who comes back to room 0 gets all that it has.
func (h *house) mustResumeWhole(t *testing.T, since int64) {
	t.Helper()
	id := h.rooms[0].ID
	got := history(t, func(done func(*room.History, error)) { h.Resume(id, since, nil, done) })
	page, err := h.store.Latest(t.Context(), []uuid.UUID{id}, 50)
	if err != nil {
		t.Fatal(err)
	}
	if want := protocol.AppendResume(nil, 0, room.Bodies(page[0].Messages), page[0].Seq, false); string(got.Frame) != string(want) {
		t.Errorf("who comes back with %d gets %s\nwant %s", since, got.Frame, want)
	}
}

// TestWhoOnlyReadAHistoryLearnsThatTheStoreWentBack: nothing was told live yet.
func TestWhoOnlyReadAHistoryLearnsThatTheStoreWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, deaf{}, func(s room.Store) room.Store { return s })
	for i := range 5 {
		h.send(t, 0, fmt.Sprint("stored as ", i+1))
	}
	l := &hearer{}
	h.Follow(h.rooms[0].ID, 5, l)
	history(t, func(done func(*room.History, error)) { h.History(h.rooms[0].ID, done) })
	h.goBack(t, 2)
	for range 4 {
		h.elsewhere(t, h.message(3, "of another node"))
	}
	h.CatchUp(h.rooms[0].ID)
	until(t, "the listener is told", l.isSetBack)
	h.mustResumeWhole(t, 5)
}

// TestTwoNodesFindThatTheStoreWentBack: what another node stored before this one
// did is not taken for what the store kept.
func TestTwoNodesFindThatTheStoreWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, deaf{}, func(s room.Store) room.Store { return s })
	l := h.tell(t, 10)
	h.goBack(t, 5)
	h.elsewhere(t, h.message(3, "of another node")) // 6
	h.send(t, 0, "stored as 7")
	until(t, "the listener is told", l.isSetBack)
	h.mustResumeWhole(t, 10)
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
	h := openWith(t, room.Config{Lanes: 1}, deaf{}, func(s room.Store) room.Store { u.Store = s; return u })
	l := h.tell(t, 1)
	u.lacking.Store(true)
	h.elsewhere(t, h.message(3, "cut"))
	h.CatchUp(h.rooms[0].ID)
	until(t, "a repair has failed", func() bool { return h.Stats().RepairErrors > 0 })
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

func (l *lagging) Heads(ctx context.Context, rooms []uuid.UUID) ([]int64, error) {
	heads, err := l.Store.Heads(ctx, rooms)
	for i := range heads {
		heads[i] -= l.by()
	}
	return heads, err
}

func (l *lagging) Since(ctx context.Context, id uuid.UUID, since int64, limit int) (room.Page, error) {
	p, err := l.Store.Since(ctx, id, since, limit)
	p.Seq -= l.by()
	for len(p.Messages) > 0 && p.Messages[len(p.Messages)-1].Rev > p.Seq {
		p.Messages = p.Messages[:len(p.Messages)-1]
	}
	return p, err
}

// TestNothingElseIsTakenForAStoreThatWentBack: a copy that lags, notices that are
// late or come again, and those of another deployment.
func TestNothingElseIsTakenForAStoreThatWentBack(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, deaf{}, func(s room.Store) room.Store {
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
	until(t, "the store was asked", func() bool { return h.Stats().Repairs > 2 })
	h.send(t, 0, "and so on")
	if events := l.hears(t, 6); len(events) != 6 || l.isSetBack() || h.Stats().SetBack != 0 {
		t.Errorf("%d events told; set back: %v", len(events), l.isSetBack())
	}
}
