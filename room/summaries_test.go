package room

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// testedSummaries has no service: nothing is submitted.
func testedSummaries() *summaries { return newSummaries(&Service{}) }

func reaction(in, message uuid.UUID) *Op {
	return &Op{Intent: protocol.Intent{Kind: protocol.KindReact, MessageID: message}, Room: in}
}

func summariesOf(batch []*Op) (of []uuid.UUID) {
	for _, op := range batch {
		if op.Kind == protocol.KindSummary {
			of = append(of, op.MessageID)
		}
	}
	return of
}

// TestASummaryGoesWithTheBatchThatMakesItDue: once for all of the batch, and the next one
// waits for its second.
func TestASummaryGoesWithTheBatchThatMakesItDue(t *testing.T) {
	w, in, x, y := testedSummaries(), uuid.New(), uuid.New(), uuid.New()
	reply := &Op{Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.New(), ReplyTo: y}, Room: in}
	plain := &Op{Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.New()}, Room: in}
	batch := w.join([]*Op{reaction(in, x), plain, reply, reaction(in, x)})
	if got := summariesOf(batch); !slices.Equal(got, []uuid.UUID{x, y}) {
		t.Fatalf("summaries of %v", got)
	}
	for _, op := range batch {
		op.Outcome = Stored
	}
	if w.stored(batch); w.waitingNow() != 0 {
		t.Errorf("%d wait", w.waitingNow())
	}
	more := w.join([]*Op{reaction(in, x)})
	if len(more) != 1 {
		t.Fatalf("within the second: %v", summariesOf(more))
	}
	more[0].Outcome = Stored
	w.stored(more)
	now := time.Now()
	if due := w.due(now); len(due) != 0 || w.waitingNow() != 1 {
		t.Errorf("%v are due, %d wait", due, w.waitingNow())
	}
	if due := w.due(now.Add(summaryEvery)); len(due) != 1 || due[0] != (DueSummary{Message: x, Room: in}) || w.waitingNow() != 0 {
		t.Errorf("%v are due, %d wait", due, w.waitingNow())
	}
	if w.due(now.Add(3 * summaryEvery)); w.len() != 0 {
		t.Errorf("%d rooms are known when nothing is to be known", w.len())
	}
}

// TestWhatIsNotStoredMakesNoSummaryDue, and a deleted answer does.
func TestWhatIsNotStoredMakesNoSummaryDue(t *testing.T) {
	w, in, x := testedSummaries(), uuid.New(), uuid.New()
	refused := reaction(in, uuid.New())
	refused.Outcome = Refused
	gone := &Op{Intent: protocol.Intent{Kind: protocol.KindDelete}, Room: in, Outcome: Stored, Seq: 7, Message: &protocol.Message{ReplyTo: &protocol.Reply{ID: x}}}
	again := *gone
	again.Seq, again.Message = 0, &protocol.Message{ReplyTo: &protocol.Reply{ID: uuid.New()}}
	w.stored([]*Op{refused, gone, &again})
	if due := w.due(time.Now()); len(due) != 1 || due[0].Message != x {
		t.Errorf("%v are due", due)
	}
}

// TestASummaryThatIsRefusedForGoodIsNotTriedAgain: one that the store may take later is.
func TestASummaryThatIsRefusedForGoodIsNotTriedAgain(t *testing.T) {
	for err, again := range map[*protocol.Error]int{
		protocol.ErrUnavailable: 1, protocol.ErrUnknownOutcome: 1, protocol.ErrInternal: 0,
		protocol.ErrNotFound: 0, protocol.ErrNotCollaborator: 0, protocol.ErrInvalidContent: 0, protocol.ErrInvalidData: 0,
	} {
		w := testedSummaries()
		op := w.op(uuid.New(), uuid.New(), time.Now())
		op.Outcome, op.Err = Refused, err
		op.Answer(op)
		if due := w.due(time.Now()); len(due) != again {
			t.Errorf("%s: %v are due", err.Code, due)
		}
	}
}

// TestARoomHasSoManySummariesASecond: in any second, the longest due first, and none is lost.
func TestARoomHasSoManySummariesASecond(t *testing.T) {
	w, in, other := testedSummaries(), uuid.New(), uuid.New()
	const messages = 3*roomSummariesMax + 7
	var all, made []uuid.UUID
	for range messages {
		all = append(all, uuid.New())
	}
	for _, message := range all {
		batch := w.join([]*Op{reaction(in, message)})
		batch[0].Outcome = Stored
		w.stored(batch)
		made = append(made, summariesOf(batch)...)
	}
	if len(made) != roomSummariesMax {
		t.Fatalf("%d at once", len(made))
	}
	if len(summariesOf(w.join([]*Op{reaction(other, uuid.New())}))) != 1 {
		t.Error("another room waits for this one")
	}
	start := time.Now()
	for n := 1; len(made) < messages; n++ {
		if due := w.due(start.Add(time.Duration(n)*summaryEvery - summaryStep)); n > 1 && len(due) != 0 {
			t.Fatalf("%d within the second", len(due))
		}
		due := w.due(start.Add(time.Duration(n) * summaryEvery))
		if want := min(roomSummariesMax, messages-len(made)); len(due) != want {
			t.Fatalf("%d in second %d, want %d", len(due), n, want)
		}
		for _, d := range due {
			made = append(made, d.Message)
		}
	}
	if !slices.Equal(made, all) {
		t.Error("not the longest due first")
	}
}

// TestWhoComesLaterDoesNotGoFirst: where others wait for a place, a new one waits as well.
func TestWhoComesLaterDoesNotGoFirst(t *testing.T) {
	w, in := testedSummaries(), uuid.New()
	for range 2 * roomSummariesMax {
		w.wait(in, uuid.New())
	}
	if w.take(in, uuid.New(), time.Now()) {
		t.Error("it went first")
	}
	w.due(time.Now())
	if w.take(in, uuid.New(), time.Now().Add(summaryEvery)) {
		t.Error("it went first, later")
	}
}

// TestSummariesThatWaitAreBounded: more are left to the sweep, and counted.
func TestSummariesThatWaitAreBounded(t *testing.T) {
	w := testedSummaries()
	for range waitingSummariesMax {
		w.wait(uuid.UUID{1}, uuid.New())
	}
	w.wait(uuid.UUID{1}, uuid.New())
	if w.waitingNow() != waitingSummariesMax || w.s.stats.SummariesLeft.Load() != 1 {
		t.Errorf("%d wait, %d are left", w.waitingNow(), w.s.stats.SummariesLeft.Load())
	}
	rooms := testedSummaries()
	for range summaryRoomsMax + 1 {
		rooms.take(uuid.New(), uuid.New(), time.Now())
	}
	if rooms.len() != summaryRoomsMax {
		t.Errorf("%d rooms", rooms.len())
	}
}
