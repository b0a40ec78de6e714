package room_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/presence"
)

// silent is a backplane that carries nothing and says that all is well.
type silent struct{}

func (silent) Follow(uuid.UUID)                 {}
func (silent) Unfollow(uuid.UUID)               {}
func (silent) Publish(*room.Batch)              {}
func (silent) PublishNotice(*room.Notice)       {}
func (silent) Healthy() bool                    { return true }
func (silent) AskPrimary(context.Context) error { return nil }

func (silent) PublishPresence(*presence.Said) bool { return true }
func (silent) PublishWatched([]uuid.UUID) bool     { return true }
func (silent) Lives(_, _ uuid.UUID) bool           { return true }

// between stands between a service and its store.
type between struct {
	room.Store
	appended func(batch []*room.Op, err error) error // nil: as the store says
	read     func()                                  // after each Walk
}

func (b *between) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	err := b.Store.Append(ctx, batch, within)
	if b.appended != nil {
		err = b.appended(batch, err)
	}
	return err
}

func (b *between) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	w, err := b.Store.Walk(ctx, q)
	if b.read != nil {
		b.read()
	}
	return w, err
}

// elsewhere commits ops as another node would whose notices are lost.
func (h *house) elsewhere(t *testing.T, ops ...*room.Op) {
	t.Helper()
	for _, op := range ops {
		op.At = time.Now().UTC().Truncate(time.Microsecond)
		op.Row = uuid.Must(uuid.NewV7())
		if op.Kind == protocol.KindMessage {
			op.MessageID = op.Row
		}
	}
	if err := h.store.Append(t.Context(), ops, room.Within{}); err != nil {
		t.Fatal(err)
	}
}

// TestAMessageEditedBetweenTwoPagesOfARepairIsToldAsEdited: it was told with the
// first page, and newcomers find it at its place.
func TestAMessageEditedBetweenTwoPagesOfARepairIsToldAsEdited(t *testing.T) {
	var middle *between
	h := openWith(t, room.Config{Lanes: 1, HistoryMessages: 5}, silent{}, func(s room.Store) room.Store {
		middle = &between{Store: s}
		return middle
	})
	id := h.rooms[0].ID
	l := &hearer{}
	h.Follow(id, 0, l)
	h.send(t, 0, "told live")
	ask := func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) }
	history(t, ask) // is kept in memory from now on
	var ops []*room.Op
	for i := range protocol.ResumeMessagesMax + 500 {
		ops = append(ops, h.message(0, fmt.Sprint("missed ", i)))
	}
	h.elsewhere(t, ops...)
	var once sync.Once
	middle.read = func() {
		once.Do(func() {
			h.elsewhere(t, &room.Op{Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: ops[10].MessageID, Content: "edited"}, Room: id, Trip: h.rooms[0].TripID, Sender: h.users[0]})
		})
	}
	h.CatchUp(id)
	events := l.hears(t, len(ops)+2)
	if last := events[len(events)-1]; last.Kind != protocol.KindEdit || last.Message != ops[10].MessageID {
		t.Errorf("the last event is of kind %d: %s", last.Kind, last.Frame)
	}
	got := history(t, ask)
	page, err := h.store.Latest(t.Context(), []uuid.UUID{id}, room.Limit{Messages: 5})
	if err != nil {
		t.Fatal(err)
	}
	if want := protocol.AppendHistory(nil, h.rooms[0].Told(), bodies(page[0].Messages), page[0].Seq); string(got.Frame) != string(want) {
		t.Errorf("newcomers get   %s\nthe store answers %s", got.Frame, want)
	}
}

// TestWhatIsReadFromTheStoreIsToldWhole: a change that is told as a patch while nothing is
// missing. The store has the message as it is now, not as it was after each event.
func TestWhatIsReadFromTheStoreIsToldWhole(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
	id := h.rooms[0].ID
	l := &hearer{}
	h.Follow(id, 0, l)
	mine := h.send(t, 0, "mine")
	pin := func(on bool) *room.Op {
		op := h.message(0, "")
		op.Intent = protocol.Intent{Kind: protocol.KindPin, MessageID: mine.ID, On: on}
		return op
	}
	if err := h.Do(t.Context(), pin(true)); err != nil {
		t.Fatal(err)
	}
	live := l.hears(t, 2)[1]
	if want := protocol.AppendPatch(nil, protocol.KindPin, &protocol.Message{
		ID: mine.ID, RoomID: id, Rev: 2, Extra: h.stored(t, mine.ID).Extra,
	}, 2, 1); string(live.Patch) != string(want) || !strings.HasPrefix(string(live.Frame), `{"type":"message_edited","change":"pin","message":{`) {
		t.Errorf("live it is told as %s and %s\nwant %s", live.Frame, live.Patch, want)
	}
	h.elsewhere(t, pin(false), pin(true))
	h.CatchUp(id)
	for _, read := range l.hears(t, 4)[2:] {
		if read.Patch != nil || !strings.HasPrefix(string(read.Frame), `{"type":"message_edited","message":{`) {
			t.Errorf("read from the store it is told as %s and %s", read.Frame, read.Patch)
		}
	}
}

func (h *house) stored(t *testing.T, id uuid.UUID) *protocol.Message {
	t.Helper()
	m, err := h.store.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// TestARepairTellsEachNumberByItsOwnKind: also of messages that were edited again
// since, each as it is now.
func TestARepairTellsEachNumberByItsOwnKind(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
	id := h.rooms[0].ID
	l := &hearer{}
	h.Follow(id, 0, l)
	first, second := h.message(0, "first"), h.message(3, "second")
	h.elsewhere(t, first)
	edit := func(content string) *room.Op {
		return &room.Op{
			Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: first.MessageID, Content: content},
			Room:   id, Trip: h.rooms[0].TripID, Sender: h.users[0],
		}
	}
	h.elsewhere(t, edit("first, edited"))
	h.elsewhere(t, second)
	h.elsewhere(t, edit("first, edited twice"))
	h.CatchUp(id)
	for i, want := range []struct {
		kind    protocol.Kind
		message uuid.UUID
		content string
	}{
		{protocol.KindMessage, first.MessageID, "first, edited twice"},
		{protocol.KindEdit, first.MessageID, "first, edited twice"},
		{protocol.KindMessage, second.MessageID, "second"},
		{protocol.KindEdit, first.MessageID, "first, edited twice"},
	} {
		e := l.hears(t, 4)[i]
		if e.Kind != want.kind || e.Seq != int64(i+1) || e.Prev != int64(i) || e.Message != want.message ||
			!strings.Contains(string(e.Body), fmt.Sprintf(`"content":%q`, want.content)) {
			t.Errorf("event %d: %d of kind %v: %s", i+1, e.Seq, e.Kind, e.Frame)
		}
	}
}

// TestWhoStandsWithinABatchGetsTheRest: the number after which the rest comes is where
// they stand, also where the store has no row of some numbers before. Who knows some of those
// is told the whole message.
func TestWhoStandsWithinABatchGetsTheRest(t *testing.T) {
	b := &room.Batch{Events: []room.Event{
		{Kind: protocol.KindMessage, Seq: 3, Prev: 2, Body: []byte(`{"id":3}`)},
		{Kind: protocol.KindEdit, Seq: 9, Prev: 3, Body: []byte(`{"id":3}`)},
		{Kind: protocol.KindMessage, Seq: 10, Prev: 9, Body: []byte(`{"id":10}`)},
	}}
	for i := range b.Events {
		e := &b.Events[i]
		e.Frame = protocol.AppendEvent(nil, e.Kind, e.Body, e.Seq, e.Prev, protocol.Live)
	}
	b.Events[1].Patch, b.Events[2].Patch = []byte("patch 9"), []byte("patch 10")
	for _, c := range []struct {
		stands int64
		want   string
	}{
		{7, `{"type":"message_edited","message":{"id":3},"seq":9,"prev":7}  {"type":"chat_message","message":{"id":10},"seq":10} patch 10 `},
		{3, `{"type":"message_edited","change":"content","message":{"id":3},"seq":9,"prev":3} patch 9 {"type":"chat_message","message":{"id":10},"seq":10} patch 10 `},
		{9, `{"type":"chat_message","message":{"id":10},"seq":10} patch 10 `},
	} {
		var got strings.Builder
		for _, e := range b.After(c.stands).Events {
			fmt.Fprintf(&got, "%s %s ", e.Frame, e.Patch)
		}
		if got.String() != c.want {
			t.Errorf("who stands at %d is told %s\nwant %s", c.stands, got.String(), c.want)
		}
	}
	if b.After(10) != nil || b.After(2) != b {
		t.Error("who has all is told something, or who has nothing of it another batch")
	}
}

// TestWhatWasStoredUnknownToItsLaneIsToldAllTheSame: a commit succeeds, and the store
// cannot say so. Who sends again settles it for all; if nobody does, a look will.
func TestWhatWasStoredUnknownToItsLaneIsToldAllTheSame(t *testing.T) {
	for name, again := range map[string]bool{"sent again": true, "not sent again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Bool
			h := openWith(t, room.Config{Lanes: 1}, nil, func(s room.Store) room.Store {
				return &between{Store: s, appended: func(_ []*room.Op, err error) error {
					if err == nil && cut.CompareAndSwap(true, false) {
						return fmt.Errorf("cut: %w", room.ErrOutcomeUnknown)
					}
					return err
				}}
			})
			l := &hearer{}
			h.Follow(h.rooms[0].ID, 0, l)
			send := func() *room.Op {
				op := h.message(0, "perhaps")
				op.ClientID = "1"
				if err := h.Do(t.Context(), op); err != nil {
					t.Fatal(err)
				}
				return op
			}
			cut.Store(true)
			if op := send(); op.Err != protocol.ErrUnknownOutcome {
				t.Fatalf("outcome %d, %v", op.Outcome, op.Err)
			}
			begun := time.Now()
			if again {
				if op := send(); op.Outcome != room.Duplicate {
					t.Fatalf("sent again: outcome %d, %v", op.Outcome, op.Err)
				}
			}
			if e := l.hears(t, 1)[0]; e.Seq != 1 || e.Kind != protocol.KindMessage {
				t.Errorf("told %+v", e)
			}
			if took := time.Since(begun); again && took > 4*time.Second {
				t.Errorf("settled, but told only after %v", took)
			}
		})
	}
}

// TestADrainTellsWhatWaitsBehindAHole: what this node has committed waits for another
// node's event, whose notice is lost, and the clients are closed after the drain.
func TestADrainTellsWhatWaitsBehindAHole(t *testing.T) {
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store { return s })
	l := &hearer{}
	h.Follow(h.rooms[0].ID, 0, l)
	h.elsewhere(t, h.message(3, "of another node"))
	h.Submit(h.message(0, "accepted before the drain"))
	if err := h.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) != 2 {
		t.Errorf("%d of 2 events were told", len(l.events))
	}
}

// TestNumbersOfMessagesThatAreGoneArePassed: the application has deleted a message that
// was changed more often than a read goes over. The repair ends, what comes after is
// told, and then the room flows: newcomers are answered from memory, a drain waits for nothing.
func TestNumbersOfMessagesThatAreGoneArePassed(t *testing.T) {
	var middle *between
	var reads atomic.Int64
	h := openWith(t, room.Config{Lanes: 1}, silent{}, func(s room.Store) room.Store {
		middle = &between{Store: s, read: func() { reads.Add(1) }}
		return middle
	})
	id := h.rooms[0].ID
	l := &hearer{}
	h.Follow(id, 0, l)
	h.send(t, 0, "told live")
	gone := h.message(0, "goes")
	ops := []*room.Op{gone}
	h.elsewhere(t, gone)
	for i := range protocol.ResumeMessagesMax + 10 {
		ops = append(ops, &room.Op{
			Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: gone.MessageID, Content: fmt.Sprint(i)},
			Room:   id, Trip: h.rooms[0].TripID, Sender: h.users[0],
		})
	}
	h.elsewhere(t, ops[1:]...)
	h.exec(t, "DELETE FROM chat_messages WHERE id = '%s'", gone.MessageID)
	h.CatchUp(id)
	await.Until(t, "the room is read", func() bool { return reads.Load() == 2 })
	ask := func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) }
	await.Until(t, "the room flows", func() bool {
		history(t, ask)
		past, _ := h.Recent(h.rooms[0].Told(), math.MaxInt)
		return past != nil
	})
	h.send(t, 0, "told live again")
	if e := l.hears(t, 2)[1]; e.Seq != int64(len(ops)+2) || e.Prev != 1 {
		t.Errorf("event %d comes after %d", e.Seq, e.Prev)
	}
	if n := reads.Load(); n != 2 {
		t.Errorf("the log was read %d times", n)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
