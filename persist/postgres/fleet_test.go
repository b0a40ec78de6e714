package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// fleet is a store with rooms and one user, and the way to its database.
type fleet struct {
	*Store
	t     testing.TB
	url   string
	user  protocol.User
	rooms []uuid.UUID // ascending
	trips []uuid.UUID // of the rooms
}

func newFleet(t testing.TB, cfg Config, rooms int) *fleet {
	t.Helper()
	cfg.Log = quiet
	f := &fleet{Store: openStore(t, cfg), t: t, url: cfg.URL}
	seeds := persist.Fleet(1, 0)
	for range rooms {
		trip := persist.Trip{ID: uuid.New(), Title: "T"}
		seeds.Trips = append(seeds.Trips, trip)
		seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: trip.ID, User: seeds.Users[0].ID, Role: "member"})
	}
	if err := f.Seed(t.Context(), seeds); err != nil {
		t.Fatal(err)
	}
	f.user = seeds.Users[0]
	page, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: rooms})
	summaries := page.Rooms
	if err != nil || len(summaries) != rooms {
		t.Fatal(summaries, err)
	}
	for _, s := range summaries {
		f.rooms, f.trips = append(f.rooms, s.ID), append(f.trips, s.TripID)
	}
	return f
}

func (f *fleet) send(in int, content string) *room.Op {
	return &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: content, Type: protocol.TypeText},
		Room:   f.rooms[in], Trip: f.trips[in], Sender: f.user, At: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// session opens a connection beside the store's.
func (f *fleet) session() *pgx.Conn {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), f.url)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (f *fleet) exec(sql string, args ...any) {
	f.t.Helper()
	mustExec(f.t, f.session(), sql, args...)
}

func mustExec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%v in %s", err, sql)
	}
}

// mustAppend appends a batch, again as long as nothing is stored.
func (f *fleet) mustAppend(batch ...*room.Op) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	err := f.Append(ctx, batch, room.Within{})
	for errors.Is(err, room.ErrNotStored) && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		err = f.Append(ctx, batch, room.Within{})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// mustStand checks that a room has exactly its first n numbers.
func (f *fleet) mustStand(in int, n int64) {
	f.t.Helper()
	page, err := room.Changes(f.t.Context(), f, room.SinceQuery{Room: f.rooms[in], Limit: int(n) + 10})
	if err != nil {
		f.t.Fatal(err)
	}
	if page.Seq != n || int64(len(page.Messages)) != n {
		f.t.Fatalf("room stands at %d with %d messages, want %d", page.Seq, len(page.Messages), n)
	}
	for i, m := range page.Messages {
		if m.Rev != int64(i)+1 {
			f.t.Fatalf("message %d has rev %d", i, m.Rev)
		}
	}
}

// mustNotStore appends an op that must be neither stored nor refused for good, and
// that long before the store's own wait is over.
func (f *fleet) mustNotStore(op *room.Op) {
	f.t.Helper()
	usual := f.wait
	f.wait.transaction, f.wait.outcome = time.Hour, time.Hour
	done := make(chan error, 1)
	go func() { done <- f.Append(f.t.Context(), []*room.Op{op}, room.Within{}) }()
	err := await.Value(f.t, "that it is not stored", done)
	f.wait = usual
	if !errors.Is(err, room.ErrNotStored) || errors.Is(err, room.ErrOutcomeUnknown) || op.Outcome != room.Pending {
		f.t.Fatalf("outcome %d, %v", op.Outcome, err)
	}
}
