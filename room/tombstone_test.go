package room_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

const (
	gone       = "It is gone"
	secretText = "top secret"
)

func (h *house) delete(t *testing.T, user int, id uuid.UUID) *room.Op {
	t.Helper()
	op := h.message(user, "")
	op.Intent = protocol.Intent{Kind: protocol.KindDelete, MessageID: id}
	if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
		t.Fatalf("outcome %d, %v, %v", op.Outcome, op.Err, err)
	}
	return op
}

// history reads what a newcomer gets.
func (h *house) history(t *testing.T, of room.Info) []byte {
	t.Helper()
	frames := make(chan []byte, 1)
	h.History(protocol.RoomInfo{Room: of.ID, Trip: of.TripID}, nil, func(past *room.History, err error) {
		if err != nil {
			t.Error(err)
			frames <- nil
			return
		}
		past.Unsent.Gone()
		frames <- past.Frame
	})
	return <-frames
}

// TestNothingOfADeletedMessageIsShown: neither the history from memory, which had it, nor any
// read of the store shows it, and a quote of it shows the text that stands in its place.
func TestNothingOfADeletedMessageIsShown(t *testing.T) {
	h := open(t, room.Config{DeletedText: gone})
	home, l := h.rooms[0], &hearer{}
	h.Follow(home.ID, home.Seq, l)
	defer h.Unfollow(home.ID, l)
	m := h.send(t, 0, secretText)
	answer := h.message(3, "an answer")
	answer.ReplyTo = m.ID
	if err := h.Do(t.Context(), answer); err != nil || answer.Outcome != room.Stored {
		t.Fatal(err, answer.Err)
	}
	for range 2 { // the second one comes from memory
		if past := h.history(t, home); !bytes.Contains(past, []byte(secretText)) {
			t.Fatalf("the history before: %s", past)
		}
	}
	op := h.delete(t, 0, m.ID)
	if op.Message.Content != gone {
		t.Errorf("the answer shows %q", op.Message.Content)
	}
	again := h.delete(t, 0, m.ID)
	if again.Seq != 0 || again.Message.Content != gone || again.Message.Rev != 4 {
		t.Errorf("deleted again: %+v", again.Message)
	}
	frame := l.hears(t, 4)[3].Frame // the third number is that the message has an answer
	shown := map[string][]byte{"event": frame}
	for range 2 {
		shown["history"] = append(shown["history"], h.history(t, home)...)
	}
	ctx, user := t.Context(), h.users[0].ID
	page := func(p room.Page, err error) []byte {
		if err != nil {
			t.Error(err)
		}
		return bytes.Join(p.Bodies, nil)
	}
	after := int64(0)
	shown["page"] = page(h.Page(ctx, room.PageQuery{User: user, Room: home.ID, Limit: 9}))
	shown["page after"] = page(h.Page(ctx, room.PageQuery{User: user, Room: home.ID, After: &after, Limit: 9}))
	shown["changes"] = page(h.Since(ctx, room.SinceQuery{User: user, Room: home.ID, Limit: 9}))
	one, err := h.Message(ctx, user, m.ID)
	if err != nil {
		t.Error(err)
	}
	quoting, err := h.Message(ctx, user, answer.MessageID)
	if err != nil {
		t.Error(err)
	}
	shown["messages"] = slices.Concat(protocol.AppendMessage(nil, &one), protocol.AppendMessage(nil, &quoting))
	h.delete(t, 3, answer.MessageID)
	rooms, err := h.Rooms(ctx, room.RoomsQuery{User: user, Limit: 9})
	if err != nil {
		t.Error(err)
	}
	shown["rooms"] = bytes.Join(rooms.Bodies, nil)
	for way, text := range shown {
		if bytes.Contains(text, []byte(secretText)) || !bytes.Contains(text, []byte(`"content":"`+gone+`"`)) || !bytes.Contains(text, []byte(`"deleted_by":"sender"`)) {
			t.Errorf("%s shows %s", way, text)
		}
		if quotes := bytes.Count(text, []byte(`"reply_to":{"id":"`+m.ID.String()+`","content":"`+gone+`"`)); quotes == 0 && way != "event" {
			t.Errorf("%s does not show that the quoted message is gone: %s", way, text)
		}
	}
}

// TestAMissedDeleteIsToldAsWhatIsLeft: a node that learns of it from the store.
func TestAMissedDeleteIsToldAsWhatIsLeft(t *testing.T) {
	h := open(t, room.Config{DeletedText: gone})
	home, l := h.rooms[0], &hearer{}
	h.Follow(home.ID, home.Seq, l)
	defer h.Unfollow(home.ID, l)
	m := h.send(t, 0, secretText)
	l.hears(t, 1)
	other := h.message(0, "")
	other.Intent = protocol.Intent{Kind: protocol.KindDelete, MessageID: m.ID}
	other.Row, other.At = uuid.New(), m.CreatedAt
	if err := h.store.Append(t.Context(), []*room.Op{other}, room.Within{}); err != nil || other.Outcome != room.Stored {
		t.Fatal(err, other.Err)
	}
	h.CatchUp(home.ID)
	e := l.hears(t, 2)[1]
	if e.Kind != protocol.KindDelete || !bytes.Contains(e.Frame, []byte(`"content":"`+gone+`"`)) || !bytes.Contains(e.Frame, []byte(`{"type":"message_edited"`)) {
		t.Errorf("told as %d: %s", e.Kind, e.Frame)
	}
}

// TestEveryReadFillsTombstones: a method of the Store that gives messages is one of those that
// the Service has filled with the text. A new one is added to tombstones first, and then here.
func TestEveryReadFillsTombstones(t *testing.T) {
	filled := []string{"After", "Append", "Before", "Latest", "Message", "Pins", "RepliesAfter", "RepliesBefore", "Rooms", "Walk", "Walks"}
	message := reflect.TypeFor[protocol.Message]()
	var has func(of reflect.Type, depth int) bool
	has = func(of reflect.Type, depth int) bool {
		switch {
		case of == message:
			return true
		case depth == 0:
			return false
		}
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			return has(of.Elem(), depth)
		case reflect.Struct:
			for field := range of.Fields() {
				if has(field.Type, depth-1) {
					return true
				}
			}
		default:
		}
		return false
	}
	store := reflect.TypeFor[room.Store]()
	var gives []string
	for m := range store.Methods() {
		given := m.Name == "Append" // it gives messages by its ops
		for out := range m.Type.Outs() {
			given = given || has(out, 4)
		}
		if given {
			gives = append(gives, m.Name)
		}
	}
	if !slices.Equal(gives, filled) {
		t.Errorf("messages are given by %s, and filled by %s", strings.Join(gives, " "), strings.Join(filled, " "))
	}
}
