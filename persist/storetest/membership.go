package storetest

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// remove takes user u off all trips, as the application does.
func (w *world) remove(u int) {
	w.t.Helper()
	w.app(fmt.Sprintf("DELETE FROM collaborators WHERE user_id = '%s'", w.users[u].ID))
}

// bringBack makes user u a collaborator of the trip of room r again.
func (w *world) bringBack(r, u int) {
	w.t.Helper()
	w.app(fmt.Sprintf("INSERT INTO collaborators (trip_id, user_id, role) SELECT trip_id, '%s', 'member' FROM chat_rooms WHERE id = '%s'", w.users[u].ID, w.rooms[r]))
}

// all are ops of user u in room r, of each kind that is stored: a message, one with a
// client_id, a reply, the change of a message, and a mark.
func (w *world) all(r, u int, old *protocol.Message) []*room.Op {
	return []*room.Op{
		w.send(r, u, "a message"),
		w.send(r, u, "with a name", clientID(uuid.NewString())),
		w.send(r, u, "an answer", replyTo(old.ID)),
		w.edit(r, u, old.ID, "changed"),
		w.read(r, u, 1),
	}
}

// testRemoved: who is no collaborator any more is refused alone, whatever they ask for, in
// batches of one (which a store may write in another way), of few and of many.
func testRemoved(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	old := w.stored(w.send(0, 1, "as it was", clientID("known")))
	w.remove(1)
	w.bringBack(1, 1) // of the other trip they still are
	for _, op := range w.all(0, 1, old) {
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeForbidden)
	}
	again := w.send(0, 1, "x", clientID("known"))
	w.append(again)
	w.mustOutcome(again, room.Refused, protocol.CodeForbidden)
	if w.head(0) != 1 {
		t.Fatalf("head %d", w.head(0))
	}

	for _, others := range []int{2, 150} { // many are written in another way
		before, kept := w.head(0), int64(0)
		ops := w.all(0, 1, old)
		refused := len(ops)
		for i := range others {
			ops = append(ops, w.send(0, 2*(i%2), "x"))
		}
		ops = append(ops, w.send(1, 1, "elsewhere"))
		w.append(ops...)
		for i, op := range ops {
			if i < refused {
				w.mustOutcome(op, room.Refused, protocol.CodeForbidden)
				continue
			}
			w.mustOutcome(op, room.Stored, "")
			if kept++; i < len(ops)-1 && op.Message.Seq != before+kept {
				t.Errorf("op %d has number %d, want %d", i, op.Message.Seq, before+kept)
			}
		}
		if w.head(0) != before+int64(others) {
			t.Errorf("head %d, want %d", w.head(0), before+int64(others))
		}
	}
	w.mustEqual(old)
}

func testComesBack(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	old := w.stored(w.send(0, 1, "as it was"))
	w.remove(1)
	for _, op := range w.all(0, 1, old) {
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeForbidden)
	}
	w.bringBack(0, 1)
	for i, op := range w.all(0, 1, old) {
		w.append(op)
		w.mustOutcome(op, room.Stored, "")
		if op.Kind.Class() == protocol.Event && op.Seq != int64(2+i) {
			t.Errorf("number %d, want %d", op.Seq, 2+i)
		}
	}
}

// testAnotherTrip: it is the room's own trip that counts, whatever the op says.
func testAnotherTrip(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	old := w.stored(w.send(0, 1, "as it was"))
	w.remove(1)
	w.bringBack(1, 1)
	for _, op := range w.all(0, 1, old) {
		op.Trip = w.trips[w.rooms[1]]
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeForbidden)
	}
	if w.head(0) != 1 || w.head(1) != 0 {
		t.Errorf("heads %d, %d", w.head(0), w.head(1))
	}
}

// testGoneUser: also where the application leaves their rows in collaborators.
func testGoneUser(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	old := w.stored(w.send(0, 1, "as it was"))
	w.app(fmt.Sprintf("DELETE FROM users WHERE id = '%s'", w.users[1].ID))
	for _, op := range append(w.all(0, 1, old), w.send(0, 0, "x", sentBy(persist.Fleet(9, 0).Users[8]))) {
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeForbidden)
	}
	w.stored(w.send(0, 0, "good"))
	if w.head(0) != 2 {
		t.Errorf("head %d", w.head(0))
	}
}

// testRemovedMeanwhile removes somebody who is sending: what was stored before that stays,
// and nothing is stored of what began after it.
func testRemovedMeanwhile(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	begun, removed, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var last int64 // the last number that was stored
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			var late bool
			select {
			case <-removed:
				late = true
			default:
			}
			op := w.send(0, 1, "x")
			if err := w.store.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil {
				t.Error(err)
				return
			}
			if n == 3 {
				close(begun)
			}
			switch {
			case op.Outcome == room.Stored && late:
				t.Errorf("number %d was stored for who had been removed", op.Seq)
				return
			case op.Outcome == room.Stored:
				last = op.Seq
			case op.Err != protocol.ErrNotCollaborator:
				t.Errorf("outcome %d, %v", op.Outcome, op.Err)
				return
			case late:
				return
			}
		}
	}()
	select {
	case <-begun:
	case <-ended:
	}
	w.remove(1)
	close(removed)
	<-ended
	if w.head(0) != last {
		t.Errorf("head %d, want %d", w.head(0), last)
	}
}
