package room_test

import (
	"context"
	"sync"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// memory is a store of messages in memory: quick, and without I/O, as time of a test's
// own needs it. A room has its trip's id, and everybody may enter.
type memory struct {
	room.Store // what else a Service asks for does not happen here

	mu    sync.Mutex
	logs  map[uuid.UUID][]room.LogEntry
	calls map[string]func() // called at the start of a method, by its name
}

func newMemory() *memory {
	return &memory{logs: make(map[uuid.UUID][]room.LogEntry), calls: make(map[string]func())}
}

// at has a method call f from now on; nil: nothing.
func (m *memory) at(method string, f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[method] = f
}

func (m *memory) called(method string) {
	m.mu.Lock()
	f := m.calls[method]
	m.mu.Unlock()
	if f != nil {
		f()
	}
}

func (m *memory) Append(_ context.Context, batch []*room.Op, _ room.Within) error {
	m.called("Append")
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range batch {
		seq := int64(len(m.logs[op.Room]) + 1)
		message := &protocol.Message{ID: op.Row, RoomID: op.Room, Sender: op.Sender, Content: op.Content, Seq: seq, Rev: seq, CreatedAt: op.At, UpdatedAt: op.At}
		m.logs[op.Room] = append(m.logs[op.Room], room.LogEntry{Seq: seq, Kind: op.Kind, Row: op.Row, Message: message})
		op.Outcome, op.Seq, op.Message = room.Stored, seq, message
	}
	return nil
}

func (m *memory) Access(_ context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	m.called("Access")
	answers := make([]room.Access, len(questions))
	for i, q := range questions {
		answers[i] = room.Access{UserKnown: true, User: protocol.User{ID: q.User}, Allowed: true, Room: room.Info{ID: q.Place, TripID: q.Place}}
	}
	return answers, nil
}

func (m *memory) Latest(_ context.Context, rooms []uuid.UUID, _ room.Limit) ([]room.Page, error) {
	m.called("Latest")
	m.mu.Lock()
	defer m.mu.Unlock()
	pages := make([]room.Page, len(rooms))
	for i, id := range rooms {
		pages[i].Seq = int64(len(m.logs[id]))
		for _, e := range m.logs[id] {
			pages[i].Messages = append(pages[i].Messages, *e.Message)
		}
	}
	return pages, nil
}

func (m *memory) Walk(_ context.Context, q room.WalkQuery) (room.Walk, error) {
	m.called("Walk")
	m.mu.Lock()
	defer m.mu.Unlock()
	log, from := m.logs[q.Room], q.After
	if q.Known {
		from--
	}
	return room.Walk{Entries: append([]room.LogEntry(nil), log[min(from, int64(len(log))):]...), Seq: int64(len(log))}, nil
}

func (m *memory) Walks(ctx context.Context, queries []room.WalkQuery) ([]room.Walk, error) {
	walks := make([]room.Walk, len(queries))
	for i, q := range queries {
		var err error
		if walks[i], err = m.Walk(ctx, q); err != nil {
			return nil, err
		}
	}
	return walks, nil
}

func (m *memory) Heads(_ context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	m.called("Heads")
	m.mu.Lock()
	defer m.mu.Unlock()
	heads := make([]room.Head, len(rooms))
	for i, id := range rooms {
		heads[i].Seq = int64(len(m.logs[id]))
	}
	return heads, nil
}

func (m *memory) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	m.called("NumbersSince")
	return room.Numbers{All: true}, nil
}

func (m *memory) RightsSince(context.Context, room.Moment) (room.Rights, error) {
	m.called("RightsSince")
	return room.Rights{All: true}, nil
}

func (m *memory) Head(_ context.Context, id uuid.UUID) (seq int64, exists bool, err error) {
	m.called("Head")
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.logs[id])), true, nil
}

func (m *memory) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}
func (m *memory) Settled(context.Context) error             { return nil }
func (m *memory) TryWrite(context.Context, uuid.UUID) error { return nil }
func (m *memory) Timeline() room.Timeline                   { return 0 }
func (m *memory) Heard(room.Timeline)                       {}

// believing is an Authenticator for bearers that are the user's id. It calls what a
// bearer has it call first.
type believing map[string]func()

func (b believing) VerifyNow(bearer string) (token.Identity, error) {
	if f := b[bearer]; f != nil {
		f()
	}
	id, ok := protocol.ParseID(bearer)
	if !ok {
		return token.Identity{}, &token.Refusal{Reason: token.ReasonMalformed}
	}
	return token.Identity{User: id}, nil
}

func (b believing) Verify(_ context.Context, bearer string) (token.Identity, error) {
	return b.VerifyNow(bearer)
}

func messageTo(id uuid.UUID, content string) *room.Op {
	return &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: content, Type: protocol.TypeText}, Room: id, Trip: persist.FleetTrip(0), Sender: protocol.User{ID: persist.FleetUser(0)}}
}

// pass lets time pass, in a time of the test's own, and what happens in it be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
