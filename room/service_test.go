package room_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

var secret = []byte("a secret of the tests, 32 bytes!!")

// house is a service over a real SQLite file with a small fleet.
type house struct {
	*room.Service
	store *sqlite.Store
	path  string
	users []protocol.User
	rooms []room.Info // of trips 0, 1, 2 as user i mod 3 sees them
}

func open(t *testing.T, cfg room.Config) *house {
	t.Helper()
	return openWith(t, cfg, nil, func(s room.Store) room.Store { return s })
}

// openWith opens a house with a backplane, and with something between it and its
// store.
func openWith(t *testing.T, cfg room.Config, plane room.Backplane, between func(room.Store) room.Store) *house {
	t.Helper()
	const users, trips = 9, 3
	path := filepath.Join(t.TempDir(), "caravan.db")
	store, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Seed(t.Context(), persist.Fleet(users, trips)); err != nil {
		t.Fatal(err)
	}
	verifier, err := token.New(t.Context(), token.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	s := room.New(between(store), verifier, plane, cfg)
	t.Cleanup(s.Close)
	h := &house{Service: s, store: store, path: path}
	for i := range users {
		a, err := s.Access(t.Context(), persist.FleetUser(i), persist.FleetTrip(i%trips))
		if err != nil || !a.Allowed {
			t.Fatalf("user %d may not enter: %+v, %v", i, a, err)
		}
		h.users = append(h.users, a.User)
		if i < trips {
			h.rooms = append(h.rooms, a.Room)
		}
	}
	return h
}

func (h *house) message(user int, content string) *room.Op {
	return &room.Op{Intent: protocol.Intent{Kind: protocol.KindMessage, Content: content, Type: protocol.TypeText}, Room: h.rooms[user%3].ID, Trip: h.rooms[user%3].TripID, Sender: h.users[user], May: protocol.MayAll}
}

// send stores a message and returns it.
func (h *house) send(t *testing.T, user int, content string) *protocol.Message {
	t.Helper()
	op := h.message(user, content)
	if err := h.Do(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	if op.Outcome != room.Stored {
		t.Fatalf("%q: outcome %d, %v", content, op.Outcome, op.Err)
	}
	return op.Message
}

// TestWhoMayNotIsRefusedAtTheDoor: whatever it is asked by, and without a look into the
// store. A mark needs no permission.
func TestWhoMayNotIsRefusedAtTheDoor(t *testing.T) {
	roles, err := protocol.ParseRoles("member=react")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, room.Config{Roles: roles})
	a, err := h.Access(t.Context(), h.users[0].ID, h.rooms[0].TripID)
	if err != nil || a.Role != "member" || a.May != protocol.MayReact {
		t.Fatalf("%+v, %v", a, err)
	}
	again, errs := h.Recheck(t.Context(), []room.AccessQuestion{{User: h.users[0].ID, Place: h.rooms[0].TripID, TripOnly: true}})
	if errs[0] != nil || again[0] != a {
		t.Errorf("rechecked: %+v, %v", again, errs)
	}
	mine := h.send(t, 0, "of an owner")
	for _, in := range []protocol.Intent{
		{Kind: protocol.KindMessage, Content: "x", Type: protocol.TypeText},
		{Kind: protocol.KindEdit, MessageID: mine.ID, Content: "x"},
	} {
		op := h.message(0, "")
		op.Intent, op.May = in, a.May
		if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Refused || op.Err != protocol.ErrNotAllowed {
			t.Errorf("%v: outcome %d, %v, %v", in.Kind, op.Outcome, op.Err, err)
		}
		op = h.message(0, "")
		op.Intent, op.May = in, a.May|in.Kind.Needs()
		if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
			t.Errorf("%v, allowed: outcome %d, %v, %v", in.Kind, op.Outcome, op.Err, err)
		}
	}
	mark := h.message(0, "")
	mark.Intent, mark.May = protocol.Intent{Kind: protocol.KindRead, UpTo: 1}, 0
	if err := h.Do(t.Context(), mark); err != nil || mark.Outcome != room.Stored {
		t.Errorf("a mark: outcome %d, %v, %v", mark.Outcome, mark.Err, err)
	}
	if n := h.Stats().Refused[protocol.CodeNotAllowed]; n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
}

// hearer keeps the events that it is told.
type hearer struct {
	mu      sync.Mutex
	events  []room.Event
	rewound bool
}

func (l *hearer) Deliver(b *room.Batch) room.Waker {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, b.Events...)
	return nil
}

func (l *hearer) Notify(*room.Notice) room.Waker { return nil }

func (l *hearer) Rewound() room.Waker {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rewound = true
	return nil
}

// hears waits until so many events were told, and returns all that were.
func (l *hearer) hears(t *testing.T, n int) []room.Event {
	t.Helper()
	var events []room.Event
	await.Until(t, fmt.Sprint(n, " events are told"), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		events = l.events
		return len(events) >= n
	})
	return events
}

func TestConcurrentSendersShareOneDenseOrder(t *testing.T) {
	h := open(t, room.Config{Lanes: 3})
	ears := make([]hearer, len(h.rooms))
	for i := range ears {
		h.Follow(h.rooms[i].ID, h.rooms[i].Seq, &ears[i])
	}
	const each = 30
	var senders sync.WaitGroup
	var early atomic.Int32
	for user := range h.users {
		senders.Go(func() {
			for n := range each {
				op := h.message(user, fmt.Sprintf("%d of %d", n, user))
				if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
					t.Errorf("not stored: %v, %v", err, op.Err)
					return
				}
				// What is answered is durable: another connection to the file sees it.
				if m, err := h.store.Message(t.Context(), op.MessageID); err != nil || m.Seq != op.Message.Seq {
					early.Add(1)
				}
			}
		})
	}
	senders.Wait()
	if early.Load() > 0 {
		t.Errorf("%d answers came before the commit", early.Load())
	}
	for i := range ears {
		want := int64(each * len(h.users) / len(h.rooms))
		if got := int64(len(ears[i].events)); got != want {
			t.Errorf("room %d told %d events, want %d", i, got, want)
		}
		for n, e := range ears[i].events {
			if e.Seq != int64(n+1) || e.Prev != int64(n) {
				t.Fatalf("room %d: event %d has seq %d and prev %d", i, n, e.Seq, e.Prev)
			}
		}
	}
	if st := h.Stats(); st.Messages != int64(each*len(h.users)) || st.RoomsNow != len(h.rooms) {
		t.Errorf("stats say %d messages in %d rooms", st.Messages, st.RoomsNow)
	}
}

// TestWhatIsToldIsAlreadyStored keeps the store from its commit: nothing is told, nor
// answered, until that is done.
func TestWhatIsToldIsAlreadyStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := room.New(store, nil, silent{}, room.Config{Lanes: 1})
		defer s.Close()
		l, answered := &hearer{}, false
		s.Follow(roomA, 0, l)
		goOn := make(chan struct{})
		store.at("Append", func() { <-goOn })
		op := messageTo(roomA, "durable before visible")
		op.Answer = func(*room.Op) { answered = true }
		s.Submit(op)
		synctest.Wait()
		if len(l.events) != 0 || answered {
			t.Errorf("before the commit %d events were told, answered: %v", len(l.events), answered)
		}
		close(goOn)
		synctest.Wait()
		if len(l.events) != 1 || !answered {
			t.Errorf("after it %d events were told, answered: %v", len(l.events), answered)
		}
	})
}

type listener struct{ f func(*room.Batch) }

func (l *listener) Deliver(b *room.Batch) room.Waker {
	l.f(b)
	return nil
}
func (*listener) Notify(*room.Notice) room.Waker { return nil }
func (*listener) Rewound() room.Waker            { return nil }

// lock keeps everybody else from writing to the database file, as a hung disk or
// another program's long transaction would.
func (h *house) lock(t *testing.T) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := db.Exec("ROLLBACK"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMessagesWaitOutAShortOutageAndAreRefusedInALongOne(t *testing.T) {
	h := open(t, room.Config{Lanes: 1, WriteWait: 300 * time.Millisecond})
	unlock := h.lock(t)
	op := h.message(0, "too long an outage")
	if err := h.Do(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	if op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable {
		t.Fatalf("outcome %d, %v; want unavailable", op.Outcome, op.Err)
	}
	unlock()
	after := h.send(t, 0, "the store is back")
	if after.Seq != 1 {
		t.Errorf("the refused message took a number: the next one is %d", after.Seq)
	}
	if _, err := h.store.Message(t.Context(), op.MessageID); !errors.Is(err, room.ErrNoMessage) {
		t.Errorf("the refused message is stored: %v", err)
	}
}

func TestFullLaneRefusesAtOnceAndKeepsWhatItAccepted(t *testing.T) {
	h := open(t, room.Config{Lanes: 1, WriteWait: time.Minute, QueueOps: 100})
	unlock := h.lock(t)
	const more = 500
	var stored, refused atomic.Int64
	var answers sync.WaitGroup
	answers.Add(more)
	start := time.Now()
	for range more {
		op := h.message(0, "m")
		op.Answer = func(op *room.Op) {
			switch {
			case op.Outcome == room.Stored:
				stored.Add(1)
			case op.Outcome == room.Refused && op.Err == protocol.ErrUnavailable:
				refused.Add(1)
			}
			answers.Done()
		}
		h.Submit(op)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("submitting to a full lane blocked for %v", took)
	}
	if refused.Load() == 0 {
		t.Error("a full lane refused nothing")
	}
	unlock()
	answers.Wait()
	if stored.Load()+refused.Load() != more {
		t.Errorf("%d stored and %d refused of %d", stored.Load(), refused.Load(), more)
	}
	p, err := h.Page(t.Context(), room.PageQuery{Room: h.rooms[0].ID, Limit: 1})
	if err != nil || p.Seq != stored.Load() {
		t.Errorf("the room stands at %d, %d were answered as stored: %v", p.Seq, stored.Load(), err)
	}
}

func TestDrainAnswersEverythingAccepted(t *testing.T) {
	h := open(t, room.Config{})
	var answered atomic.Int64
	for n := range 500 {
		op := h.message(n%9, "before the drain")
		op.Answer = func(op *room.Op) {
			if op.Outcome == room.Stored {
				answered.Add(1)
			}
		}
		h.Submit(op)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answered.Load() != 500 {
		t.Errorf("%d of 500 accepted messages were stored", answered.Load())
	}
	late := h.message(0, "after it")
	if err := h.Do(t.Context(), late); err != nil || late.Err != protocol.ErrUnavailable {
		t.Errorf("after the drain: %v, %v; want unavailable", err, late.Err)
	}
}

func TestEnterJudgesTokenThenRights(t *testing.T) {
	h := open(t, room.Config{})
	sign := func(u uuid.UUID, ttl time.Duration) string {
		s, err := token.Sign(secret, u, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	member := sign(persist.FleetUser(0), time.Hour)
	trip := persist.FleetTrip(0)
	for name, c := range map[string]struct {
		req  room.EnterRequest
		want error
	}{
		"member":                        {room.EnterRequest{Bearer: member, Place: trip, PlaceOK: true}, nil},
		"no token":                      {room.EnterRequest{Place: trip, PlaceOK: true}, room.ErrUnauthorized},
		"expired":                       {room.EnterRequest{Bearer: sign(persist.FleetUser(0), -time.Hour), Place: trip, PlaceOK: true}, room.ErrUnauthorized},
		"user unknown":                  {room.EnterRequest{Bearer: sign(uuid.New(), time.Hour), Place: trip, PlaceOK: true}, room.ErrUnauthorized},
		"another trip":                  {room.EnterRequest{Bearer: member, Place: persist.FleetTrip(1), PlaceOK: true}, room.ErrForbidden},
		"unknown trip":                  {room.EnterRequest{Bearer: member, Place: uuid.New(), PlaceOK: true}, room.ErrForbidden},
		"a room's id is no trip's":      {room.EnterRequest{Bearer: member, Place: h.rooms[0].ID, PlaceOK: true}, room.ErrForbidden},
		"trip id no UUID":               {room.EnterRequest{Bearer: member}, room.ErrForbidden},
		"trip id no UUID, and no token": {room.EnterRequest{}, room.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			type answer struct {
				room.Entry
				err error
			}
			got := make(chan answer, 1)
			h.Enter(c.req, func(e room.Entry, err error) { got <- answer{e, err} })
			a := await.Value(t, "a verdict", got)
			if !errors.Is(a.err, c.want) || (c.want == nil) != (a.err == nil) {
				t.Fatalf("got %v, want %v", a.err, c.want)
			}
			if c.want == nil && (a.User.User().Email != "user0@example.com" || a.Room.ID != h.rooms[0].ID || time.Until(a.Expires) < 50*time.Minute) {
				t.Errorf("entry %+v", a.Entry)
			}
		})
	}
}

func history(t *testing.T, ask func(func(*room.History, error))) *room.History {
	t.Helper()
	got := make(chan *room.History, 1)
	ask(func(h *room.History, err error) {
		if err != nil {
			t.Error(err)
		}
		got <- h
	})
	return await.Value(t, "a history", got)
}

func TestHistoryComesFromMemoryOnceRead(t *testing.T) {
	h := open(t, room.Config{HistoryMessages: 3})
	id := h.rooms[0].ID
	h.Follow(id, 0, &hearer{})
	for i := range 5 {
		h.send(t, 0, fmt.Sprint("message ", i))
	}
	ask := func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) }
	read := history(t, ask)
	again := history(t, ask)
	if st := h.Stats(); st.HistoryLooks != 1 || st.HistoriesFromTail != 1 {
		t.Errorf("%d looks into the store, %d answers from memory; want 1 and 1", st.HistoryLooks, st.HistoriesFromTail)
	}
	if string(read.Frame) != string(again.Frame) || read.Seq != 5 {
		t.Errorf("the store says %s\nmemory says %s", read.Frame, again.Frame)
	}
	h.send(t, 3, "one more")
	fromMemory := history(t, ask)
	page, err := h.store.Latest(t.Context(), []uuid.UUID{id}, room.Limit{Messages: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendHistory(nil, h.rooms[0].Told(), bodies(page[0].Messages), page[0].Seq)
	if string(fromMemory.Frame) != string(want) {
		t.Errorf("memory says %s\nthe store says %s", fromMemory.Frame, want)
	}
}

// bodies are messages as clients get them.
func bodies(messages []protocol.Message) (all [][]byte) {
	for i := range messages {
		all = append(all, protocol.AppendMessage(nil, &messages[i]))
	}
	return all
}

func TestResumeTellsWhatChangedAndWhereToGoOn(t *testing.T) {
	h := open(t, room.Config{})
	id := h.rooms[0].ID
	first := h.send(t, 0, "first")
	h.send(t, 3, "second")
	edit := &room.Op{Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: first.ID, Content: "first, edited"}, Room: id, Trip: h.rooms[0].TripID, Sender: h.users[0], May: protocol.MayAll}
	if err := h.Do(t.Context(), edit); err != nil || edit.Outcome != room.Stored {
		t.Fatal(err, edit.Err)
	}
	got := history(t, func(done func(*room.History, error)) {
		h.Resume(h.rooms[0].Told(), room.SinceQuery{Since: 1}, nil, done)
	})
	page, err := room.Changes(t.Context(), h.store, room.SinceQuery{Room: id, Since: 1, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendResume(nil, h.rooms[0].Told(), 1, bodies(page.Messages), 3, false)
	if string(got.Frame) != string(want) || got.Seq != 3 || len(page.Messages) != 2 {
		t.Errorf("got %s at %d\nwant %s", got.Frame, got.Seq, want)
	}
}

func TestResumeBeyondOneFrameGoesOnLiveFromTheRoomsNumber(t *testing.T) {
	h := open(t, room.Config{HistoryBytes: 1 << 20})
	id := h.rooms[0].ID
	const n, atOnce = protocol.ResumeMessagesMax + 5, 201 // so that none waits long, however slow the machine is
	for range n / atOnce {
		var sent sync.WaitGroup
		sent.Add(atOnce)
		for range atOnce {
			op := h.message(0, "m")
			op.Answer = func(op *room.Op) {
				if op.Outcome != room.Stored {
					t.Errorf("a message was not stored: %v", op.Err)
				}
				sent.Done()
			}
			h.Submit(op)
		}
		sent.Wait()
	}
	got := history(t, func(done func(*room.History, error)) {
		h.Resume(h.rooms[0].Told(), room.SinceQuery{}, nil, done)
	})
	page, err := room.Changes(t.Context(), h.store, room.SinceQuery{Room: id, Limit: protocol.ResumeMessagesMax})
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendResume(nil, h.rooms[0].Told(), 0, bodies(page.Messages), protocol.ResumeMessagesMax, true)
	if string(got.Frame) != string(want) {
		t.Error("the frame is not the first thousand with has_more")
	}
	if got.Seq != n {
		t.Errorf("live events go on from %d, the room stands at %d", got.Seq, n)
	}
}

func TestWaitAnswersAsSoonAsThereIsSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := room.New(newMemory(), nil, nil, room.Config{})
		defer s.Close()
		in := room.Info{ID: roomA, Seq: 1}
		send := func(content string) {
			if err := s.Do(t.Context(), messageTo(roomA, content)); err != nil {
				t.Fatal(err)
			}
		}
		send("known")
		var answer *room.Page
		go func() {
			p, err := s.Wait(t.Context(), in, room.SinceQuery{Room: in.ID, Since: 1, Limit: 50})
			if err != nil {
				t.Error(err)
			}
			answer = &p
		}()
		pass(time.Minute)
		if answer != nil {
			t.Fatalf("answered with %d messages before there was one", len(answer.Messages))
		}
		send("news")
		synctest.Wait()
		if p := answer; p == nil || len(p.Messages) != 1 || p.Messages[0].Content != "news" || p.Seq != 2 {
			t.Fatalf("answered %+v", p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if p, err := s.Wait(ctx, in, room.SinceQuery{Room: in.ID, Since: 2, Limit: 50}); err != nil || len(p.Messages) != 0 || p.Seq != 2 || ctx.Err() == nil {
			t.Errorf("when the time is up: %+v, %v", p, err)
		}
		if n := s.Stats().RoomsNow; n != 0 {
			t.Errorf("%d rooms are followed when nobody waits", n)
		}
	})
}

// TestWaitBeyondTheEndLeavesOthersAlone waits for a number that is far from
// being reached, which must not keep others from hearing what comes before it.
func TestWaitBeyondTheEndLeavesOthersAlone(t *testing.T) {
	h := open(t, room.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = h.Wait(ctx, h.rooms[0], room.SinceQuery{Room: h.rooms[0].ID, Since: 1 << 40, Limit: 50})
	}()
	await.Until(t, "the poll follows the room", func() bool { return h.Stats().RoomsNow > 0 })
	told := make(chan struct{}, 1)
	h.Follow(h.rooms[0].ID, 0, &listener{func(*room.Batch) { told <- struct{}{} }})
	h.send(t, 0, "heard")
	await.Done(t, "the other listener hears it", told)
	cancel()
	await.Done(t, "the poll ends", ended)
}

// TestLanesPauseWhileListenersDoNotKeepUp keeps the lane back after its first batch:
// what comes next waits, and what does not fit is refused.
func TestLanesPauseWhileListenersDoNotKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var congested atomic.Bool
		congested.Store(true)
		s := room.New(newMemory(), nil, nil, room.Config{Lanes: 1, QueueOps: 10, Congested: congested.Load})
		defer s.Close()
		if err := s.Do(t.Context(), messageTo(roomA, "the first batch passes")); err != nil {
			t.Fatal(err)
		}
		var stored, refused atomic.Int64
		for range 30 {
			op := messageTo(roomA, "m")
			op.Answer = func(op *room.Op) {
				if op.Outcome == room.Stored {
					stored.Add(1)
				} else {
					refused.Add(1)
				}
			}
			s.Submit(op)
		}
		pass(time.Minute)
		if stored.Load() != 0 || refused.Load() != 20 {
			t.Errorf("while congested: %d stored, %d refused; want 0 and 20", stored.Load(), refused.Load())
		}
		congested.Store(false)
		pass(time.Second)
		if stored.Load() != 10 || s.Stats().Congested == 0 {
			t.Errorf("after it: %d stored, %d pauses", stored.Load(), s.Stats().Congested)
		}
	})
}

// TestTypingIsDroppedWhileListenersDoNotKeepUp: it must not wait without bounds.
func TestTypingIsDroppedWhileListenersDoNotKeepUp(t *testing.T) {
	var congested atomic.Bool
	h := open(t, room.Config{Congested: congested.Load})
	id, user := h.rooms[0].ID, h.users[0]
	l := &noticeCounter{}
	h.Follow(id, 0, l)
	for _, slow := range []bool{true, false} {
		congested.Store(slow)
		h.Notify(id, &user, &protocol.Intent{Kind: protocol.KindTyping, On: true})
		h.AnnounceNotice(&room.Notice{Kind: protocol.KindTyping, Room: id, User: user.ID, Frame: []byte("{}")})
	}
	if l.heard != 2 || h.Stats().NoticesLeftOut != 2 {
		t.Errorf("%d notices told and %d left out, want 2 and 2", l.heard, h.Stats().NoticesLeftOut)
	}
}

type noticeCounter struct{ heard int }

func (*noticeCounter) Deliver(*room.Batch) room.Waker { return nil }
func (*noticeCounter) Rewound() room.Waker            { return nil }
func (c *noticeCounter) Notify(*room.Notice) room.Waker {
	c.heard++
	return nil
}

// TestFollowSaysWhereTheListenerBegins: who follows a room later than others
// begins where those stand, whatever number of the room it knows.
func TestFollowSaysWhereTheListenerBegins(t *testing.T) {
	h := open(t, room.Config{})
	id := h.rooms[0].ID
	if got := h.Follow(id, 0, &hearer{}); got != 0 {
		t.Errorf("the first begins at %d, want its base 0", got)
	}
	if got := h.Follow(id, 7, &hearer{}); got != 0 {
		t.Errorf("the second begins at %d, want 0, where the first stands", got)
	}
	h.send(t, 0, "m")
	if got := h.Follow(id, 0, &hearer{}); got != 1 {
		t.Errorf("the third begins at %d, want 1", got)
	}
}
