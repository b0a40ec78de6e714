package socket_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
	"github.com/caravan-chat/caravan/room/visit"
)

// promoted is a store after one of whose reads another primary takes over, once.
type promoted struct {
	room.Store
	timeline atomic.Uint32
	after    atomic.Pointer[string]
}

func (p *promoted) Timeline() room.Timeline { return room.Timeline(p.timeline.Load()) }

func (p *promoted) done(read string) {
	if after := p.after.Load(); after != nil && *after == read && p.after.CompareAndSwap(after, nil) {
		p.timeline.Add(1)
	}
}

func (p *promoted) Access(ctx context.Context, q []room.AccessQuestion) ([]room.Access, error) {
	defer p.done("rights")
	return p.Store.Access(ctx, q)
}

func (p *promoted) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	defer p.done("history")
	return p.Store.Latest(ctx, rooms, limit)
}

func (p *promoted) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	defer p.done("log")
	return p.Store.Walk(ctx, q)
}

func (p *promoted) OwnReactions(ctx context.Context, q []room.OwnQuestion) ([]room.OwnReactions, error) {
	defer p.done("reactions")
	return p.Store.OwnReactions(ctx, q)
}

// TestAHistoryOfAFormerPrimaryIsNotSent: another one takes over after it was read, or after the
// rights were, and before it is sent.
func TestAHistoryOfAFormerPrimaryIsNotSent(t *testing.T) {
	t.Parallel()
	p := &promoted{}
	var text bytes.Buffer
	log := visit.New(slog.New(slog.NewTextHandler(&text, nil)), false)
	s := serveOn(t, socket.Config{Visits: log}, func(store room.Store) room.Store { p.Store = store; return p })
	p.timeline.Store(1)
	trip := persist.FleetTrip(0)
	in, err := s.svc.Access(t.Context(), persist.FleetUser(0), trip)
	if err != nil {
		t.Fatal(err)
	}
	do := func(user int, what protocol.Intent) *room.Op {
		op := &room.Op{Intent: what, Room: in.Room.ID, Trip: trip, Sender: protocol.User{ID: persist.FleetUser(user)}, May: protocol.MayAll}
		if err := s.svc.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
			t.Fatal(op.Err, err)
		}
		return op
	}
	liked := do(0, protocol.Intent{Kind: protocol.KindMessage, Content: "liked", Type: protocol.TypeText}).Message.ID
	emoji := []string{"👍", "🎉", "😄"}
	for i := range protocol.ReactionsNamedMax + 1 {
		do(i%3*trips, protocol.Intent{Kind: protocol.KindReact, MessageID: liked, Emoji: emoji[i/3], On: true})
	}
	await.Until(t, "the message does not say who they are from", func() bool {
		now, err := s.svc.Message(t.Context(), persist.FleetUser(0), liked)
		_, known := now.ReactionsOf(persist.FleetUser(0))
		return err == nil && !known
	})
	for _, c := range []struct{ query, after string }{
		{"", "rights"}, {"", "history"}, {"&v=2", "reactions"}, {"&since=0", "log"}, {"&since=0&v=2", "reactions"},
	} {
		p.after.Store(&c.after)
		path := fmt.Sprintf("/ws/chat/%s/?token=%s%s", trip, sign(t, persist.FleetUser(0), time.Hour), c.query)
		one, err := s.open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := one.closeCode(); code != 1011 {
			t.Errorf("%s, after the %s: closed with %d", c.query, c.after, code)
		}
		if p.after.Load() != nil {
			t.Errorf("%s: the %s were not asked for", c.query, c.after)
		}
		other, _ := s.join(0, c.query)
		_ = other.conn.Close()
		await.Until(t, "nobody is in the room", func() bool { return s.svc.Stats().RoomsNow == 0 })
	}
	many, after := s.openUser(0), "reactions"
	many.quiet() // it was let in
	p.after.Store(&after)
	many.subscribe(in.Room.ID.String())
	many.hearLeft(in.Room.ID.String(), 1011)
	many.quiet() // it stays
	if log.Close(); strings.Count(text.String(), "reason=unavailable") != 1 {
		t.Errorf("of who was not let in the log says\n%s", text.String())
	}
}

// TestASubscriptionThatAFormerPrimaryAnsweredIsRefused: on a socket of many rooms. A history
// that is cut to a limit is as present as the whole one.
func TestASubscriptionThatAFormerPrimaryAnsweredIsRefused(t *testing.T) {
	t.Parallel()
	p := &promoted{}
	s := serveOn(t, socket.Config{}, func(store room.Store) room.Store { p.Store = store; return p })
	p.timeline.Store(1)
	s.fill(0, 0, 3, 10)
	in := s.roomOfTrip(0, 0)
	one := s.openUser(0)
	one.send(`{"type":"ping"}`)
	one.text() // it was let in
	for _, after := range []string{"rights", "history"} {
		p.after.Store(&after)
		one.subscribe(in)
		one.hearLeft(in, 1011)
	}
	for range 2 { // from the store, then from memory
		one.subscribe(`{"id":"` + in + `","limit":2}`)
		if f := one.hearHistory(in); len(f.Messages) != 2 {
			t.Errorf("%d messages", len(f.Messages))
		}
	}
}
