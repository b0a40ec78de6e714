package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// patch edits a message of user 0 as another node does, and tells it as that node would tell a change
// that clients of version 2 hear as a patch. Both frames are returned.
func (s *server) patch(id string) (whole, patch string) {
	s.t.Helper()
	a, err := s.svc.Access(s.t.Context(), persist.FleetUser(0), persist.FleetTrip(0))
	if err != nil {
		s.t.Fatal(err)
	}
	op := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: uuid.MustParse(id), Content: "changed " + uuid.NewString()}, Row: uuid.New(),
		Room: a.Room.ID, Trip: a.Room.TripID, Sender: a.User, At: time.Now().UTC().Truncate(time.Microsecond),
	}
	if err := s.store.Append(s.t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
		s.t.Fatal(err, op.Err)
	}
	body := protocol.AppendMessage(nil, op.Message)
	frame := protocol.AppendEvent(nil, op.Kind, body, op.Seq, op.Seq-1, protocol.Live)
	patch = fmt.Sprintf(`{"type":"message_patch","message_id":"%s","set":{},"rev":%d,"seq":%d}`, id, op.Seq, op.Seq)
	s.svc.Announce(&room.Batch{Room: op.Room, Events: []room.Event{{
		Kind: op.Kind, Seq: op.Seq, Prev: op.Seq - 1, Row: op.Row, Message: op.MessageID, Body: body, Frame: frame, Patch: []byte(patch),
	}}})
	return string(frame), patch
}

// messageOf returns the id of the message that a frame tells.
func messageOf(t *testing.T, text string) string {
	t.Helper()
	var f frame
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Message.ID == "" {
		t.Fatal(text, err)
	}
	return f.Message.ID
}

// TestEachVersionHearsAChangeInItsForm: those of version 2 the patch, those of version 1 the
// whole message. What was read from the store, as by who comes later, is whole for both.
func TestEachVersionHearsAChangeInItsForm(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	var ones, twos []*client
	for _, user := range []int{0, 3, 6} { // on both loops
		for range 2 {
			one, _ := s.join(user, "")
			two, _ := s.join(user, "&v=2")
			two.text() // own
			ones, twos = append(ones, one), append(twos, two)
		}
	}
	ones[0].send(`{"type":"chat_message","content":"first"}`)
	var id string
	same := ""
	for _, c := range append(ones, twos...) {
		text := c.text()
		if same == "" {
			same = text
			id = messageOf(t, text)
		}
		if text != same {
			t.Errorf("a message is told as %s and as %s", same, text)
		}
	}
	for range 3 {
		whole, patch := s.patch(id)
		for _, c := range ones {
			c.mustRead(whole)
		}
		for _, c := range twos {
			c.mustRead(patch)
		}
	}
	for _, query := range []string{"&v=2&since=1", "&since=1", "&v=2", ""} {
		if _, f := s.join(0, query); len(f.Messages) != 1 || !strings.HasPrefix(f.Messages[0].Content, "changed") || f.Messages[0].Rev != 4 {
			t.Errorf("%s: %+v", query, f)
		}
	}
}

// readEarly is a store whose answer to what changed comes when it is let.
type readEarly struct {
	room.Store
	let  chan struct{}
	read atomic.Int64
}

func (r *readEarly) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	w, err := r.Store.Walk(ctx, q)
	r.read.Add(1)
	<-r.let
	return w, err
}

// TestWhatWasHeldBackIsToldInTheClientsForm: while its history is on its way, a client's events wait.
func TestWhatWasHeldBackIsToldInTheClientsForm(t *testing.T) {
	t.Parallel()
	r := &readEarly{let: make(chan struct{})}
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store {
		r.Store = s
		return r
	})
	let := sync.OnceFunc(func() { close(r.let) })
	t.Cleanup(let) // also where the test fails
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","content":"first"}`)
	id := messageOf(t, ada.text())
	var late [2]*client
	for i, v := range []string{"1", "2"} {
		var err error
		if late[i], err = s.open("/ws/chat/"+persist.FleetTrip(0).String()+"/?since=1&v="+v+"&token="+sign(t, persist.FleetUser(3*(i+1)), time.Hour), nil); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "both histories are read", func() bool { return r.read.Load() >= int64(len(late)) })
	heldWhole, heldPatch := s.patch(id)
	ada.mustRead(heldWhole)
	let()
	whole, patch := s.patch(id)
	for i, want := range [][]string{{heldWhole, whole}, {heldPatch, patch}} {
		if f := late[i].next(); f.Type != "message_history" || f.Seq != 1 {
			t.Fatalf("version %d begins with %+v", i+1, f)
		}
		if i == 1 {
			late[i].text() // own
		}
		late[i].mustRead(want[0])
		late[i].mustRead(want[1])
	}
}
