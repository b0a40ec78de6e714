package storetest

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// callTimeout bounds a call that is expected to succeed.
const callTimeout = time.Minute

// world is a store with users who collaborate in all trips.
type world struct {
	t     testing.TB
	store Store
	other Store            // on the same database, as of another node
	app   func(sql string) // the application
	users []protocol.User
	rooms []uuid.UUID             // one a trip
	trips map[uuid.UUID]uuid.UUID // by room
}

func newWorld(t *testing.T, open Open, users, trips int) *world {
	t.Helper()
	w := &world{t: t, trips: make(map[uuid.UUID]uuid.UUID)}
	w.store, w.app = open(t)
	w.other = w.store
	seeds := persist.Fleet(users, 0)
	w.users = seeds.Users
	w.seed(seeds)
	for range trips {
		w.addRoom()
	}
	return w
}

// addRoom makes a trip of all users and its room.
func (w *world) addRoom() (index int) {
	w.t.Helper()
	trip := persist.Trip{ID: uuid.New(), Title: fmt.Sprintf("Trip %d", len(w.rooms))}
	seeds := &persist.Seeds{Trips: []persist.Trip{trip}}
	for _, u := range w.users {
		seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: trip.ID, User: u.ID, Role: "member"})
	}
	w.seed(seeds)
	answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{{User: w.users[0].ID, Place: trip.ID, TripOnly: true}})
	if err != nil || !answers[0].Allowed {
		w.t.Fatalf("access: %+v, %v", answers, err)
	}
	w.rooms = append(w.rooms, answers[0].Room.ID)
	w.trips[answers[0].Room.ID] = trip.ID
	return len(w.rooms) - 1
}

// seed writes what may be tens of thousands of rows: how long that takes is up to the machine.
func (w *world) seed(s *persist.Seeds) {
	w.t.Helper()
	if err := w.store.Seed(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
}

// ctx ends with the test or after callTimeout.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), callTimeout)
	w.t.Cleanup(cancel)
	return ctx
}

// now is the present as a store keeps it, later each time.
func now() time.Time {
	for {
		last := lastNow.Load()
		if at := max(time.Now().UnixMicro(), last+1); lastNow.CompareAndSwap(last, at) {
			return time.UnixMicro(at).UTC()
		}
	}
}

var lastNow atomic.Int64 // microseconds since 1970

// send makes an op of user u in room r; with may change it.
func (w *world) send(r, u int, content string, with ...func(*room.Op)) *room.Op {
	op := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: content, Type: protocol.TypeText},
		Room:   w.rooms[r], Trip: w.trips[w.rooms[r]], Sender: w.users[u], At: now(),
	}
	for _, change := range with {
		change(op)
	}
	if op.ClientID != "" {
		mustBeKeyed(w.t)
	}
	return op
}

func clientID(id string) func(*room.Op)     { return func(op *room.Op) { op.ClientID = id } }
func replyTo(id uuid.UUID) func(*room.Op)   { return func(op *room.Op) { op.ReplyTo = id } }
func inRoom(id uuid.UUID) func(*room.Op)    { return func(op *room.Op) { op.Room = id } }
func withID(id uuid.UUID) func(*room.Op)    { return func(op *room.Op) { op.MessageID = id } }
func sentBy(u protocol.User) func(*room.Op) { return func(op *room.Op) { op.Sender = u } }

func (w *world) edit(r, u int, id uuid.UUID, content string) *room.Op {
	return w.change(r, u, protocol.Intent{Kind: protocol.KindEdit, MessageID: id, Content: content})
}

// change makes an op of user u in room r that changes a message.
func (w *world) change(r, u int, in protocol.Intent) *room.Op {
	return &room.Op{Intent: in, Row: uuid.New(), Room: w.rooms[r], Trip: w.trips[w.rooms[r]], Sender: w.users[u], May: protocol.MayDefault, At: now()}
}

// append commits a batch and checks that every op has an outcome that makes sense.
func (w *world) append(ops ...*room.Op) {
	w.t.Helper()
	if err := w.store.Append(w.ctx(), ops, room.Within{}); err != nil {
		w.t.Fatalf("append: %v", err)
	}
	for i, op := range ops {
		whole := (op.Message != nil) == (op.Kind.Class() == protocol.Event) && op.Err == nil
		switch op.Outcome {
		case room.Stored, room.Duplicate:
			if !whole {
				w.t.Fatalf("op %d: outcome %d, message %v, err %v", i, op.Outcome, op.Message, op.Err)
			}
		case room.Refused:
			if op.Message != nil || op.Err == nil {
				w.t.Fatalf("op %d: refused, message %v, err %v", i, op.Message, op.Err)
			}
		default:
			w.t.Fatalf("op %d: outcome %d", i, op.Outcome)
		}
	}
}

// stored appends one op that must be stored, and returns its message.
func (w *world) stored(op *room.Op) *protocol.Message {
	w.t.Helper()
	w.append(op)
	if op.Outcome != room.Stored {
		w.t.Fatalf("outcome %d, %v", op.Outcome, op.Err)
	}
	return op.Message
}

// mustOutcome checks an op's outcome and, for a refusal, its code.
func (w *world) mustOutcome(op *room.Op, want room.Outcome, code protocol.Code) {
	w.t.Helper()
	if op.Outcome != want {
		w.t.Fatalf("outcome %d (%v), want %d", op.Outcome, op.Err, want)
	}
	if want == room.Refused && op.Err.Code != code {
		w.t.Fatalf("refused with %q, want %q", op.Err.Code, code)
	}
}

// mustEqual compares what the store has under the message's id with the message.
func (w *world) mustEqual(want *protocol.Message) {
	w.t.Helper()
	got, err := w.store.Message(w.ctx(), want.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	w.same(&got, want)
}

func (w *world) same(got, want *protocol.Message) {
	w.t.Helper()
	if !reflect.DeepEqual(got, want) {
		w.t.Fatalf("got  %+v %+v\nwant %+v %+v", got, got.ReplyTo, want, want.ReplyTo)
	}
}

func (w *world) head(r int) int64 {
	w.t.Helper()
	heads, err := w.store.Heads(w.ctx(), w.rooms[r:r+1])
	if err != nil {
		w.t.Fatal(err)
	}
	return heads[0].Seq
}

func (w *world) since(r int, since int64, limit int) room.Page {
	w.t.Helper()
	page, err := room.Changes(w.ctx(), w.store, room.SinceQuery{Room: w.rooms[r], Since: since, Limit: limit})
	if err != nil {
		w.t.Fatal(err)
	}
	return page
}
