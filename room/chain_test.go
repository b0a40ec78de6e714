package room_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/presence"
)

// primaries are all that ever took writes, by timeline from 1. All of them answer.
type primaries struct {
	mu  sync.Mutex
	all []*memory
}

func (p *primaries) on(t room.Timeline) *memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[t-1]
}

// promote has another primary take over, which lacks the last events of room A.
func (p *primaries) promote(lacks int) room.Timeline {
	last := p.on(room.Timeline(len(p.all)))
	last.mu.Lock()
	logs := maps.Clone(last.logs)
	last.mu.Unlock()
	n := max(0, len(logs[roomA])-lacks)
	logs[roomA] = logs[roomA][:n:n]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, &memory{logs: logs, calls: make(map[string]func())})
	return room.Timeline(len(p.all))
}

// split is a node: it uses the primary of the greatest timeline that it knows. It tells
// its peer what it stores, unless that is cut.
type split struct {
	room.Store // what else a Service asks for does not happen here
	*primaries
	known atomic.Uint32
	cut   *atomic.Bool
	svc   *room.Service
	peer  *split
	guest *hearer
	sets  int // how often the guest was set back
}

func (s *split) primary() *memory        { return s.on(s.Timeline()) }
func (s *split) Timeline() room.Timeline { return room.Timeline(s.known.Load()) }
func (s *split) Heard(t room.Timeline)   { s.known.Store(max(s.known.Load(), uint32(t))) }

func (s *split) Append(ctx context.Context, ops []*room.Op, within room.Within) error {
	t := s.Timeline()
	err := s.on(t).Append(ctx, ops, within)
	for _, op := range ops {
		op.Timeline = t
	}
	return err
}

func (s *split) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	return s.primary().Walk(ctx, q)
}

func (s *split) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	p := s.primary()
	heads, err := p.Heads(ctx, rooms)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range heads {
		if log := p.logs[rooms[i]]; heads[i].Seq > 0 {
			heads[i].Row = log[heads[i].Seq-1].Row
		}
	}
	return heads, err
}

func (s *split) Head(ctx context.Context, id uuid.UUID) (int64, bool, error) {
	return s.primary().Head(ctx, id)
}

func (s *split) Settled(context.Context) error { return nil }

func (s *split) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{All: true}, nil
}

func (s *split) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}

func (s *split) Follow(uuid.UUID)                 {}
func (s *split) Unfollow(uuid.UUID)               {}
func (s *split) PublishNotice(*room.Notice)       {}
func (s *split) Healthy() bool                    { return true }
func (s *split) AskPrimary(context.Context) error { return nil }

func (s *split) PublishPresence(*presence.Said) bool { return true }
func (s *split) PublishWatched([]uuid.UUID) bool     { return true }
func (s *split) Lives(_, _ uuid.UUID) bool           { return true }

func (s *split) Publish(b *room.Batch) {
	if s.cut.Load() || b.Timeline < s.peer.Timeline() {
		return
	}
	s.peer.Heard(b.Timeline)
	s.peer.svc.Announce(&room.Batch{Room: b.Room, Timeline: b.Timeline, Events: b.Events})
}

// enter has a guest hear the room from its beginning.
func (s *split) enter() {
	s.guest = &hearer{}
	s.svc.Follow(roomA, 0, s.guest)
}

// live is so much of a node's life: it stores messages, and a guest who was set back comes again.
func (s *split) live(d time.Duration) {
	for range d / (100 * time.Millisecond) {
		s.svc.Submit(messageTo(roomA, "x"))
		time.Sleep(100 * time.Millisecond)
		if s.guest.isRewound() {
			s.svc.Unfollow(roomA, s.guest)
			s.sets++
			s.enter()
		}
	}
}

// TestAChainOfSetBacksDoesNotEndDeaf: four times in 14 s another primary takes over. One node goes on with the
// former one for a second, and hears nothing of the other node. In the end both nodes' guests know the one history, and hear
// what comes.
func TestAChainOfSetBacksDoesNotEndDeaf(t *testing.T) {
	for lacks := range 4 {
		t.Run(fmt.Sprint("each lacks ", lacks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := &primaries{all: []*memory{newMemory()}}
				var cut atomic.Bool
				one, two := &split{primaries: all, cut: &cut}, &split{primaries: all, cut: &cut}
				one.peer, two.peer = two, one
				for _, s := range []*split{one, two} {
					s.known.Store(1)
					s.svc = room.New(s, believing{}, s, room.Config{})
					defer s.svc.Close()
				}
				one.enter()
				two.enter()
				live := func(d time.Duration) {
					var both sync.WaitGroup
					both.Go(func() { one.live(d) })
					both.Go(func() { two.live(d) })
					both.Wait()
				}
				for range 4 {
					live(2500 * time.Millisecond)
					cut.Store(true)
					two.Heard(all.promote(lacks))
					live(time.Second)
					cut.Store(false)
				}
				live(10 * time.Second)
				synctest.Wait()
				log := all.on(5).logs[roomA]
				for name, s := range map[string]*split{"the node that was cut off": one, "the other": two} {
					if s.Timeline() != 5 || s.guest.isRewound() || len(s.guest.events) != len(log) {
						t.Fatalf("%s: timeline %d, its guest knows %d events of %d", name, s.Timeline(), len(s.guest.events), len(log))
					}
					for i, e := range s.guest.events {
						if e.Seq != int64(i+1) || e.Row != log[i].Row {
							t.Fatalf("%s: its guest knows %d as %v, and it is %v", name, e.Seq, e.Row, log[i].Row)
						}
					}
				}
				if one.sets < 4 {
					t.Errorf("the node that was cut off was set back %d times", one.sets)
				}
				one.svc.Unfollow(roomA, one.guest)
				two.svc.Unfollow(roomA, two.guest)
			})
		})
	}
}
