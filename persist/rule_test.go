package persist

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestWhatIsStoredHasARule: each event and each mark, and nothing else.
func TestWhatIsStoredHasARule(t *testing.T) {
	for k := range 256 {
		op := &room.Op{Intent: protocol.Intent{Kind: protocol.Kind(k)}}
		if has, is := ruleOf(op) != nil, op.Kind.Class() == protocol.Event || op.Kind.Class() == protocol.Mark; has != is {
			t.Errorf("kind %d: has a rule: %v, is stored: %v", k, has, is)
		}
		if ruleOf(op) == nil && screen(op) != protocol.ErrInternal {
			t.Errorf("kind %d is let pass", k)
		}
	}
}

// TestPlainIsOneNewMessageAlone: a store writes it by one statement, which can do no
// more. Other kinds look up their sender, too.
func TestPlainIsOneNewMessageAlone(t *testing.T) {
	message := sends(1)[0]
	reply := sends(1)[0]
	reply.ReplyTo = uuid.New()
	for k := range 256 {
		op := *message
		op.Kind = protocol.Kind(k)
		if got := IsPlainMessage([]*room.Op{&op}); got != (op.Kind == protocol.KindMessage) {
			t.Errorf("one op of kind %d is plain: %v", k, got)
		}
	}
	for name, batch := range map[string][]*room.Op{"none": {}, "a reply": {reply}, "two": {message, message}} {
		if IsPlainMessage(batch) {
			t.Errorf("%s: plain", name)
		}
	}
}

// TestAChangeTouchesOnlyWhatItsRuleChanges: a rule that leaves is_edited and updated_at
// alone has them written as they were.
func TestAChangeTouchesOnlyWhatItsRuleChanges(t *testing.T) {
	op := sends(1)[0]
	op.Row = uuid.New()
	was := protocol.Message{ID: op.MessageID, RoomID: op.Room, Sender: op.Sender, Content: "as it was", Seq: 3, Rev: 3}
	s := settling{
		found: &Found{Rooms: map[uuid.UUID]Room{op.Room: {Seq: 7}}, Messages: map[uuid.UUID]*protocol.Message{was.ID: &was}},
		plan:  &Plan{}, heads: map[uuid.UUID]int64{}, state: map[uuid.UUID]state{},
	}
	now, _ := s.message(op, was.ID)
	got := s.change(op, &now)
	want := was
	want.Rev = 8
	if *s.plan.Updates[0] != want || *got.message != want || got.seq != 8 {
		t.Errorf("written %+v, told %+v as %d; want %+v", s.plan.Updates[0], got.message, got.seq, want)
	}
	c := s.plan.Changes[0]
	if c.Seq != 8 || c.ID != op.Row || c.Kind != op.Kind || c.Message != was.ID || c.Actor != op.Sender.ID || c.Room != op.Room {
		t.Errorf("the row of the change is %+v", c)
	}
	if was.Rev != 3 || was.IsEdited {
		t.Errorf("what was found has changed: %+v", was)
	}
}

// TestARuleGetsACopyAsTheMessageStandsNow: what a rule does to it is seen by nobody
// before it is settled, and the quote is that of the original as the batch has left it.
// Of another room there is no message.
func TestARuleGetsACopyAsTheMessageStandsNow(t *testing.T) {
	op := sends(1)[0]
	original := protocol.Message{ID: uuid.New(), RoomID: op.Room, Content: "before"}
	answer := protocol.Message{ID: uuid.New(), RoomID: op.Room, Content: "yes", ReplyTo: replyTo(&original)}
	s := settling{
		found: &Found{
			Rooms:    map[uuid.UUID]Room{op.Room: {Seq: 2}},
			Messages: map[uuid.UUID]*protocol.Message{original.ID: &original, answer.ID: &answer},
		},
		plan: &Plan{}, heads: map[uuid.UUID]int64{}, state: map[uuid.UUID]state{},
	}
	changed, _ := s.message(op, original.ID)
	changed.Content = "after"
	if original.Content != "before" {
		t.Error("what was found has changed")
	}
	s.change(op, &changed)
	if m, ok := s.message(op, original.ID); !ok || m.Content != "after" {
		t.Errorf("the original is %+v, %v", m, ok)
	}
	if m, ok := s.message(op, answer.ID); !ok || m.ReplyTo.Content != "after" || answer.ReplyTo.Content != "before" {
		t.Errorf("the answer is %+v and quotes %+v, %v", m, m.ReplyTo, ok)
	}
	elsewhere := *op
	elsewhere.Room = uuid.New()
	if _, ok := s.message(&elsewhere, original.ID); ok {
		t.Error("another room has the message")
	}
	if _, ok := s.message(op, uuid.New()); ok {
		t.Error("there is a message that nobody made")
	}
}

// TestNumberMessageIsWhatSettleWouldHaveMade: the plan does not depend on when the
// number was known.
func TestNumberMessageIsWhatSettleWouldHaveMade(t *testing.T) {
	op := sends(1)[0]
	settle := func(last int64) *Plan {
		l := NewLookup([]*room.Op{op})
		found := NewFound(l)
		found.Rooms[op.Room], found.Senders[senderOf(op)] = Room{Seq: last, Trip: op.Trip}, struct{}{}
		return Settle([]*room.Op{op}, l, found)
	}
	want, got := settle(41), settle(0)
	got.NumberMessage(42)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Conclude(); op.Outcome != room.Stored || op.Seq != 42 || op.Message.Seq != 42 || op.Message.Rev != 42 {
		t.Errorf("concluded as %+v", op)
	}
}
