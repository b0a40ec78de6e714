package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestCommitPointFaultMatrix breaks the connection at every message of Append's
// transaction, around the commit in every way and before that in each way by turns, and
// holds what Append says against what the table has: it must never be wrong, and never
// unknown while the server is there.
func TestCommitPointFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, batch := range []struct {
		name string
		make func(*faultRig) []*room.Op
	}{
		{"express", (*faultRig).express},
		{"mixed", (*faultRig).mixed},
		{"edits", (*faultRig).edits},
		{"marks", (*faultRig).marks},
		{"copied", (*faultRig).copied},
		{"rare", (*faultRig).rare},
		{"reactions", (*faultRig).reactions},
		{"summary", (*faultRig).summary},
	} {
		for _, how := range []damage{cutBoth, cutWithin, loseClient, loseServer} {
			t.Run(batch.name+"/"+how.String(), func(t *testing.T) {
				t.Parallel()
				rig := newFaultRig(t, how)
				fromClient, fromServer := rig.count(batch.make)
				if fromClient < 7 || fromServer < 9 {
					t.Fatalf("a transaction of %d and %d messages", fromClient, fromServer)
				}
				told := map[string]int{}
				for from, messages := range []int{client: fromClient, server: fromServer} {
					for n := range messages {
						if byTurns := n%(int(loseServer)+1) == int(how); byTurns || n >= messages-lastMessages {
							told[rig.run(batch.make, cut{from: side(from), n: n, how: how})]++
						}
					}
				}
				t.Logf("%d messages of the client, %d of the server: %v", fromClient, fromServer, told)
				if told["stored"] == 0 || told["not stored"] == 0 {
					t.Errorf("the matrix missed the commit point: %v", told)
				}
			})
		}
	}
}

// lastMessages are those of each side around the commit.
const lastMessages = 8

// faultRig is a store behind a proxy, and one that sees the truth.
type faultRig struct {
	t        testing.TB
	proxy    *faultProxy
	store    *Store
	truth    *Store
	user     protocol.User
	rooms    []uuid.UUID
	trips    []uuid.UUID
	old      []uuid.UUID         // messages to edit
	others   []uuid.UUID         // messages of room 1 that have files and are not deleted
	events   map[uuid.UUID]int64 // per room: how many there must be
	read     int64               // how far room 0 must be read
	patience time.Duration       // of a transaction with a fault on its way
	chosen   bool                // the first message must have the reaction "a", or else "b" perhaps
}

func newFaultRig(t testing.TB, how damage) *faultRig {
	t.Helper()
	direct := migrated.Postgres(t, pgserver.Shared(t))
	proxy, proxied := startFaultProxy(t, direct)
	r := &faultRig{t: t, proxy: proxy, events: map[uuid.UUID]int64{}}
	r.truth = openStore(t, Config{URL: direct, Log: quiet})
	seeds := persist.Fleet(1, 0)
	for range 2 {
		trip := persist.Trip{ID: uuid.New(), Title: "T"}
		seeds.Trips = append(seeds.Trips, trip)
		seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: trip.ID, User: seeds.Users[0].ID, Role: "member"})
	}
	if err := r.truth.Seed(t.Context(), seeds); err != nil {
		t.Fatal(err)
	}
	r.user = seeds.Users[0]
	page, err := r.truth.Rooms(t.Context(), r.user.ID, uuid.Nil, room.Limit{Messages: 2})
	summaries := page.Rooms
	if err != nil || len(summaries) != 2 {
		t.Fatal(summaries, err)
	}
	for _, s := range summaries {
		r.rooms, r.trips = append(r.rooms, s.ID), append(r.trips, s.TripID)
	}
	// Where one side does not notice, the other's wait is what a test waits for.
	if how == loseClient {
		proxied += "&idle_in_transaction_session_timeout=150ms"
	}
	r.store = openStore(t, Config{URL: proxied, Writers: 1, Log: quiet})
	r.store.wait.abandoned = 20 * time.Millisecond
	r.patience = r.store.wait.transaction
	if how == loseServer {
		r.patience = 250 * time.Millisecond
	}
	r.mustAppend(r.express()) // the first is the message to edit
	r.mustAppend(r.mixed())   // every statement is prepared now
	r.mustAppend([]*room.Op{r.filed(1)})
	return r
}

// count returns how many messages either side sends for a batch: the least of several
// counts, as a busy machine sends more. What is not stored at once does not count: its time was up.
func (r *faultRig) count(make func(*faultRig) []*room.Op) (fromClient, fromServer int) {
	r.t.Helper()
	const counts, triesMax = 3, 60
	for n, tries := 0, 0; n < counts; tries++ {
		r.connect()
		batch := make(r)
		tell := r.proxy.count()
		err := r.store.Append(r.t.Context(), batch, room.Within{})
		c, s := tell()
		switch {
		case err == nil:
			r.account(batch)
		case !errors.Is(err, room.ErrNotStored) || tries == triesMax:
			r.t.Fatalf("append without a fault: %v", err)
		default:
			r.mustAppend(batch)
			continue
		}
		if n++; n == 1 {
			fromClient, fromServer = c, s
		}
		fromClient, fromServer = min(fromClient, c), min(fromServer, s)
	}
	return fromClient, fromServer
}

// connect makes a new connection that has the statements of mixed, and not those of other
// batches. So all transactions of a batch have the same messages.
func (r *faultRig) connect() {
	r.t.Helper()
	r.proxy.cutAll()
	r.mustAppend(r.mixed())
	lookNoMore(r.t, r.store)
}

// lookNoMore has the one connection of a store's writers be used without another look at its
// server, which is due each second and is a message more.
func lookNoMore(t testing.TB, s *Store) {
	t.Helper()
	conn, err := s.writers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	identityOf(conn.Conn()).checked = time.Now().Add(time.Hour)
	conn.Release()
}

func (r *faultRig) op(in int) *room.Op {
	return &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: "content", Type: protocol.TypeText, ClientID: uuid.NewString()},
		Room:   r.rooms[in], Trip: r.trips[in], Sender: r.user, May: protocol.MayAll, At: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func (r *faultRig) copied() []*room.Op {
	batch := r.edits()
	for i := range copyRowsMin {
		op := r.op(i % 2)
		if i%50 == 1 {
			op.Extra = &protocol.Extra{Mentions: []uuid.UUID{r.user.ID}}
		}
		batch = append(batch, op)
	}
	return batch
}

func (r *faultRig) express() []*room.Op {
	return []*room.Op{r.op(0)}
}

func (r *faultRig) edits() []*room.Op {
	op := r.op(0)
	op.Kind, op.MessageID, op.Row, op.Content = protocol.KindEdit, r.old[0], uuid.New(), uuid.NewString()
	return []*room.Op{op}
}

// marks take no number and make no row of their own: whether they count is what is looked at.
func (r *faultRig) marks() []*room.Op {
	op := r.op(0)
	op.Kind, op.Seq = protocol.KindRead, r.events[op.Room]
	op.Kind, op.UpTo = protocol.KindRead, r.events[op.Room]
	return []*room.Op{op}
}

// rare are changes that write what most messages do not have, and rows of other tables.
func (r *faultRig) rare() []*room.Op {
	pin, gone, mention := r.op(0), r.op(1), r.op(0)
	m, err := r.truth.Message(r.t.Context(), r.old[0])
	if err != nil {
		r.t.Fatal(err)
	}
	pin.Intent = protocol.Intent{Kind: protocol.KindPin, MessageID: m.ID, On: !m.Pinned()}
	gone.Intent = protocol.Intent{Kind: protocol.KindDelete, MessageID: r.others[len(r.others)-1]}
	pin.Row, gone.Row = uuid.New(), uuid.New()
	mention.Extra = &protocol.Extra{Mentions: []uuid.UUID{r.user.ID}, Data: `{"a":1}`}
	return []*room.Op{pin, gone, mention, r.filed(1)} // which the next one deletes
}

// filed is a message with an upload that is ready.
func (r *faultRig) filed(in int) *room.Op {
	r.t.Helper()
	id := uuid.New()
	a := room.StoredAttachment{Attachment: protocol.Attachment{ID: id, Name: "a.png", MIME: "image/png", Size: 1}, Room: r.rooms[in], Uploader: r.user.ID, Key: id.String()}
	if err := errors.Join(r.truth.AddAttachment(r.t.Context(), &a), r.truth.ReadyAttachment(r.t.Context(), &a, 0)); err != nil {
		r.t.Fatal(err)
	}
	op := r.op(in)
	op.Type, op.Extra = protocol.TypeFile, &protocol.Extra{Attachments: []protocol.Attachment{{ID: id}}}
	return op
}

// mustHaveFiles checks that an upload is a message's, or is gone with it.
func (r *faultRig) mustHaveFiles(op *room.Op) {
	r.t.Helper()
	if op.Extra == nil {
		return
	}
	for _, a := range op.Extra.Attachments {
		got, err := r.truth.Attachment(r.t.Context(), a.ID)
		if err != nil || got.Message != op.MessageID || got.State != room.AttachmentReady {
			r.t.Fatalf("the upload of message %v is %+v, %v", op.MessageID, got, err)
		}
	}
}

// reactions set one and take another away, and take no number: whether they count is what is
// looked at.
func (r *faultRig) reactions() []*room.Op {
	a, b := r.op(0), r.op(0)
	a.Intent = protocol.Intent{Kind: protocol.KindReact, MessageID: r.old[0], Emoji: "a", On: !r.chosen}
	b.Intent = protocol.Intent{Kind: protocol.KindReact, MessageID: r.old[0], Emoji: "b", On: r.chosen}
	return []*room.Op{a, b}
}

func (r *faultRig) summary() []*room.Op {
	op := r.op(0)
	op.Intent, op.Row, op.Sender = protocol.Intent{Kind: protocol.KindSummary, MessageID: r.old[0]}, uuid.New(), protocol.User{}
	return append(r.reactions(), op)
}

func (r *faultRig) mixed() []*room.Op {
	reply := r.op(0)
	reply.ReplyTo = r.old[0]
	return append(r.edits(), reply, r.op(1))
}

func (r *faultRig) mustAppend(batch []*room.Op) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	err := r.store.Append(ctx, batch, room.Within{})
	for errors.Is(err, room.ErrNotStored) && ctx.Err() == nil {
		err = r.store.Append(ctx, batch, room.Within{}) // a session that lost its client may still hold the rooms
	}
	if err != nil {
		r.t.Fatalf("append without a fault: %v", err)
	}
	r.account(batch)
}

// run appends a batch with a fault on the way, checks what is said against the
// table, and returns what was said.
func (r *faultRig) run(make func(*faultRig) []*room.Op, c cut) (told string) {
	r.t.Helper()
	name := fmt.Sprintf("%s message %d, %s", c.from, c.n, c.how)
	batch, err := r.appendCut(make, c)
	for tries := 0; errors.Is(err, errNoFault); tries++ {
		if tries == 20 {
			r.t.Fatalf("%s: %v", name, err)
		}
		batch, err = r.appendCut(make, c)
	}
	switch {
	case err == nil:
		for _, op := range batch {
			if op.Kind == protocol.KindRead && op.Raised != op.UpTo {
				r.t.Errorf("%s: a mark of %d was raised to %d", name, op.UpTo, op.Raised)
			}
		}
		r.account(batch)
		r.verify(name)
		return "stored"
	case errors.Is(err, room.ErrOutcomeUnknown) || !errors.Is(err, room.ErrNotStored):
		r.t.Fatalf("%s: %v", name, err)
	}
	for _, op := range batch {
		if op.Outcome != room.Pending {
			r.t.Fatalf("%s: outcome %d after %v", name, op.Outcome, err)
		}
	}
	r.verify(name)
	r.mustAppend(batch) // what is not stored may be appended again
	r.verify(name)
	return "not stored"
}

// errNoFault says that a transaction did not come as far as the cut. On a busy machine its
// time may be up before.
var errNoFault = errors.New("the fault did not happen")

func (r *faultRig) appendCut(make func(*faultRig) []*room.Op, c cut) ([]*room.Op, error) {
	r.t.Helper()
	r.connect()
	batch := make(r)
	usual := r.store.wait.transaction
	r.store.wait.transaction = r.patience
	r.proxy.arm(&c)
	err := r.store.Append(r.t.Context(), batch, room.Within{})
	r.store.wait.transaction = usual
	switch {
	case r.proxy.disarm():
		return batch, err
	case err == nil:
		r.account(batch)
		return nil, fmt.Errorf("%w: it was never sent", errNoFault)
	case !errors.Is(err, room.ErrNotStored):
		r.t.Fatalf("without a fault: %v", err)
	}
	return nil, fmt.Errorf("%w: %w", errNoFault, err)
}

// account counts the events of a batch that is said to be stored.
func (r *faultRig) account(batch []*room.Op) {
	r.t.Helper()
	for _, op := range batch {
		if op.Outcome != room.Stored {
			r.t.Fatalf("outcome %d (%v)", op.Outcome, op.Err)
		}
		if op.Kind == protocol.KindMessage && op.Room == r.rooms[0] && len(r.old) == 0 {
			r.old = append(r.old, op.MessageID)
		}
		switch {
		case op.Kind == protocol.KindDelete:
			r.others = slices.DeleteFunc(r.others, func(id uuid.UUID) bool { return id == op.MessageID })
		case op.Kind == protocol.KindMessage && op.Room == r.rooms[1] && op.Extra != nil:
			r.others = append(r.others, op.MessageID)
		}
		switch op.Kind {
		case protocol.KindRead:
			r.read = op.UpTo
			continue
		case protocol.KindReact:
			if op.Emoji == "a" {
				r.chosen = op.On
			}
			continue
		}
		r.events[op.Room]++
		if op.Message.Rev != r.events[op.Room] {
			r.t.Fatalf("rev %d, want %d", op.Message.Rev, r.events[op.Room])
		}
		r.mustHaveFiles(op)
	}
	for _, id := range r.rooms {
		r.mustHave(id, batch)
	}
}

// mustHave checks that the table has what a batch is said to have changed in a room.
func (r *faultRig) mustHave(id uuid.UUID, batch []*room.Op) {
	r.t.Helper()
	told := map[uuid.UUID]*protocol.Message{}
	since := r.events[id]
	for _, op := range batch {
		if op.Room == id && op.Message != nil {
			told[op.MessageID], since = op.Message, min(since, op.Message.Rev-1)
		}
	}
	if len(told) == 0 {
		return
	}
	page, err := room.Changes(r.t.Context(), r.truth, room.SinceQuery{Room: id, Since: since, Limit: len(told) + 1})
	if err != nil || len(page.Messages) != len(told) {
		r.t.Fatalf("%d messages are stored, but the table has %d, %v", len(told), len(page.Messages), err)
	}
	for _, got := range page.Messages {
		want := told[got.ID]
		if want == nil || got.Content != want.Content || got.Rev != want.Rev || !got.Extra.Equal(want.Extra) {
			r.t.Fatalf("stored is %+v, but the table has %+v", want, got)
		}
	}
}

// verify checks that the table has what was said to be stored and nothing else:
// the rooms' numbers are the counts of their events.
func (r *faultRig) verify(name string) {
	r.t.Helper()
	heads, err := r.truth.Heads(r.t.Context(), r.rooms)
	if err != nil {
		r.t.Fatal(err)
	}
	own, err := r.truth.OwnReactions(r.t.Context(), []room.OwnQuestion{{User: r.user.ID, Messages: r.old}})
	if err != nil || slices.Contains(own[0][r.old[0]], "a") != r.chosen {
		r.t.Fatalf("%s: reactions %v, %v; that \"a\" is set was %v", name, own, err, r.chosen)
	}
	reading, err := r.truth.Reading(r.t.Context(), r.rooms[0], r.user.ID)
	if err != nil || reading.Seq != r.read {
		r.t.Fatalf("%s: read up to %d, %v; told was %d", name, reading.Seq, err, r.read)
	}
	for i, id := range r.rooms {
		if heads[i].Seq != r.events[id] {
			r.t.Fatalf("%s: room %d stands at %d, told were %d", name, i, heads[i].Seq, r.events[id])
		}
	}
}
