package room_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// promoted is a store with a timeline. Each read may be followed by something, before its
// answer is there.
type promoted struct {
	room.Store
	timeline atomic.Uint32

	mu    sync.Mutex
	after map[string]func() // by the read; once
}

func (p *promoted) Timeline() room.Timeline { return room.Timeline(p.timeline.Load()) }

func (p *promoted) Heard(t room.Timeline) { p.timeline.Store(uint32(t)) }

// at has f done after the next such read.
func (p *promoted) at(read string, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.after == nil {
		p.after = make(map[string]func())
	}
	p.after[read] = f
}

func (p *promoted) done(read string) {
	p.mu.Lock()
	f := p.after[read]
	delete(p.after, read)
	p.mu.Unlock()
	if f != nil {
		f()
	}
}

func (p *promoted) Append(ctx context.Context, ops []*room.Op, within room.Within) error {
	t := p.Timeline()
	err := p.Store.Append(ctx, ops, within)
	for _, op := range ops {
		op.Timeline = t
	}
	p.done("append")
	return err
}

func (p *promoted) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	defer p.done("latest")
	return p.Store.Latest(ctx, rooms, limit)
}

func (p *promoted) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	defer p.done("walk")
	return p.Store.Walk(ctx, q)
}

func (p *promoted) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	defer p.done("heads")
	return p.Store.Heads(ctx, rooms)
}

func (p *promoted) MyReactions(ctx context.Context, q room.OwnQuestion) (room.OwnReactions, error) {
	defer p.done("own")
	return p.Store.MyReactions(ctx, q)
}

// openPromoted opens a house on timeline 1. Nobody tells it what other nodes do.
func openPromoted(t *testing.T, cfg room.Config) (*house, *promoted) {
	t.Helper()
	p := &promoted{}
	p.timeline.Store(1)
	cfg.Lanes = 1
	return openWith(t, cfg, silent{}, func(s room.Store) room.Store { p.Store = s; return p }), p
}

// failOver has another primary take over, which has the log of room 0 up to a number, and
// then so many messages of its own.
func (h *house) failOver(t *testing.T, p *promoted, has int64, more int) {
	t.Helper()
	h.goBack(t, has)
	for range more {
		h.elsewhere(t, h.message(3, "of the new primary"))
	}
	p.timeline.Add(1)
}

// TestWhoKnowsMoreThanTheRoomWasToldIsSetBack: somebody is shown what the room's listeners
// have not heard of, and another primary takes over that lacks it. It has as many events,
// fewer or more.
func TestWhoKnowsMoreThanTheRoomWasToldIsSetBack(t *testing.T) {
	shows := map[string]func(t *testing.T, h *house){
		"by a history": func(t *testing.T, h *house) {
			if got := history(t, func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) }); got.Seq != 5 {
				t.Fatalf("shown up to %d", got.Seq)
			}
		},
		"by a resume": func(t *testing.T, h *house) {
			if got := h.resume(t, 1, uuid.Nil); got.Seq != 5 {
				t.Fatalf("shown up to %d", got.Seq)
			}
		},
		"by a page": func(t *testing.T, h *house) {
			if p, err := h.Page(t.Context(), room.PageQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Limit: 50}); err != nil || p.Seq != 5 {
				t.Fatalf("shown up to %d, %v", p.Seq, err)
			}
		},
		"by a long poll": func(t *testing.T, h *house) {
			if p, err := h.Wait(t.Context(), h.rooms[0], room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Since: 2, Limit: 50}); err != nil || p.Seq != 5 {
				t.Fatalf("shown up to %d, %v", p.Seq, err)
			}
		},
	}
	for name, show := range shows {
		for _, last := range []string{"a message", "a change"} {
			for _, more := range []int{0, 3, 4} {
				if last == "a change" && name == "by a page" {
					continue // a page does not say which row it is
				}
				t.Run(fmt.Sprintf("%s, to %s, %d of the new primary", name, last, more), func(t *testing.T) {
					t.Parallel()
					var logged syncBuffer
					h, p := openPromoted(t, room.Config{HistoryMessages: 2, Log: slog.New(slog.NewTextHandler(&logged, nil))})
					l := h.tell(t, 2)
					var first *protocol.Message
					for i := range 3 {
						op := h.message(3, fmt.Sprint("nobody is told ", i))
						if i == 2 && last == "a change" {
							op.Kind, op.MessageID = protocol.KindEdit, first.ID
						}
						h.elsewhere(t, op)
						if i == 0 {
							first = op.Message
						}
					}
					show(t, h)
					if n := len(l.hears(t, 2)); n != 2 {
						t.Fatalf("told %d", n)
					}
					h.failOver(t, p, 2, more)
					await.Until(t, "the listener is told", l.isRewound)
					await.Until(t, "the operator is told", func() bool { return strings.Contains(logged.String(), "told=5 kept=") })
					if n := h.Stats().Rewinds; n != 1 {
						t.Errorf("%d rooms", n)
					}
				})
			}
		}
	}
}

// asking is a backplane that is asked which primary the others know.
type asking struct {
	silent
	ask func() error
}

func (a *asking) AskPrimary(context.Context) error { return a.ask() }

// TestNobodyIsToldLessBeforeTheOthersAreAsked: a client knows more than the store has. That is
// a former primary, a store that went back, or nobody can say.
func TestNobodyIsToldLessBeforeTheOthersAreAsked(t *testing.T) {
	unheard := errors.New("nobody answers")
	for name, c := range map[string]struct {
		heard room.Timeline
		err   error
		told  bool
		is    error
	}{
		"a store that went back": {told: true},
		"a former primary":       {heard: 2, is: room.ErrSuperseded},
		"nobody can say":         {err: unheard, is: unheard},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, asked := &promoted{}, atomic.Int32{}
			p.timeline.Store(1)
			h := openWith(t, room.Config{Lanes: 1}, &asking{ask: func() error {
				asked.Add(1)
				if c.heard > 0 {
					p.Heard(c.heard)
				}
				return c.err
			}}, func(s room.Store) room.Store { p.Store = s; return p })
			first := h.send(t, 3, "one").ID
			h.send(t, 3, "two")
			for since, last := range map[int64]uuid.UUID{7: uuid.Nil, 8: uuid.New(), 1: uuid.New()} {
				q := room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Since: since, Last: last, Limit: 50}
				before := asked.Load()
				past, err := h.tryHistory(t, func(done func(*room.History, error)) { h.Resume(h.rooms[0].Told(), q, nil, done) })
				p.timeline.Store(1)
				page, err2 := h.Since(t.Context(), q)
				p.timeline.Store(1)
				if asked.Load() != before+2 {
					t.Errorf("since %d: asked %d times", since, asked.Load()-before)
				}
				if !c.told {
					if !errors.Is(err, c.is) || !errors.Is(err2, c.is) || !errors.Is(err, room.ErrUnavailable) || !errors.Is(err2, room.ErrUnavailable) {
						t.Errorf("since %d: %v, %v", since, err, err2)
					}
					continue
				}
				if err != nil || err2 != nil || (past.Seq >= since && since > 2) || page.Seq > 2 {
					t.Errorf("since %d: %+v, %v; %+v, %v", since, past, err, page, err2)
				}
			}
			before := asked.Load()
			for _, q := range []room.SinceQuery{{Since: 2}, {Since: 1, Last: first}, {Since: 0}} {
				q.User, q.Room, q.Limit = h.users[0].ID, h.rooms[0].ID, 50
				if _, err := h.Since(t.Context(), q); err != nil {
					t.Errorf("%+v: %v", q, err)
				}
			}
			if asked.Load() != before {
				t.Error("asked about what is as the client knows it")
			}
		})
	}
}

// TestNobodyIsSetBackWhereNothingIsLost: another primary has all that was shown.
func TestNobodyIsSetBackWhereNothingIsLost(t *testing.T) {
	h, p := openPromoted(t, room.Config{})
	l := h.tell(t, 2)
	for range 3 {
		h.elsewhere(t, h.message(3, "nobody is told"))
	}
	history(t, func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) })
	h.failOver(t, p, 5, 2)
	if n := len(l.hears(t, 7)); n != 7 || l.isRewound() {
		t.Errorf("told %d; set back: %v", n, l.isRewound())
	}
}

// TestWhatWasReadBeforeAnotherPrimaryTookOverIsNotTold: the read had succeeded, and what
// comes after it took its time.
func TestWhatWasReadBeforeAnotherPrimaryTookOverIsNotTold(t *testing.T) {
	for name, c := range map[string]struct {
		at  string
		ask func(h *house) error
	}{
		"a history": {"latest", func(h *house) error {
			_, err := h.tryHistory(t, func(done func(*room.History, error)) { h.History(h.rooms[0].Told(), nil, done) })
			return err
		}},
		"a resume": {"walk", func(h *house) error {
			_, err := h.tryHistory(t, func(done func(*room.History, error)) {
				h.Resume(h.rooms[0].Told(), room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Since: 1}, nil, done)
			})
			return err
		}},
		"what changed": {"walk", func(h *house) error {
			_, err := h.Since(t.Context(), room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Limit: 50})
			return err
		}},
		"what changed, and the caller's reactions": {"own", func(h *house) error {
			_, err := h.Since(t.Context(), room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Limit: 50})
			return err
		}},
		"a long poll": {"own", func(h *house) error {
			a, err := h.Access(t.Context(), h.users[0].ID, h.rooms[0].ID)
			if err == nil {
				_, err = h.Wait(t.Context(), a.Room, room.SinceQuery{User: h.users[0].ID, Room: a.Room.ID, Limit: 50})
			}
			return err
		}},
		"a page": {"own", func(h *house) error {
			_, err := h.Page(t.Context(), room.PageQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Limit: 50})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := openPromoted(t, room.Config{})
			h.reactedByMany(t)
			p.at(c.at, func() { p.timeline.Add(1) })
			if err := c.ask(h); err == nil || !strings.Contains(err.Error(), room.ErrSuperseded.Error()) {
				t.Errorf("%v", err)
			}
			if err := c.ask(h); err != nil {
				t.Errorf("on the new primary: %v", err)
			}
		})
	}
}

// reactedByMany stores a message whose reactions do not say who they are from.
func (h *house) reactedByMany(t *testing.T) {
	t.Helper()
	m := h.send(t, 0, "liked")
	emoji := []string{"👍", "🎉", "😄"}
	for i := range protocol.ReactionsNamedMax + 1 {
		op := h.message(i%3*3, "")
		op.Intent = protocol.Intent{Kind: protocol.KindReact, MessageID: m.ID, Emoji: emoji[i/3], On: true}
		if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
			t.Fatal(op.Err, err)
		}
	}
	await.Until(t, "the message does not say who they are from", func() bool {
		now, err := h.Message(t.Context(), h.users[0].ID, m.ID)
		_, known := now.ReactionsOf(h.users[0].ID)
		return err == nil && !known
	})
}

// tryHistory is history, which may fail.
func (h *house) tryHistory(t *testing.T, ask func(done func(*room.History, error))) (*room.History, error) {
	t.Helper()
	type answer struct {
		past *room.History
		err  error
	}
	got := make(chan answer, 1)
	ask(func(past *room.History, err error) { got <- answer{past, err} })
	a := await.Value(t, "a history", got)
	return a.past, a.err
}

// TestALongPollThatEndsInVainTellsNoFormerPrimarysNumber: another one took over while it waited.
func TestALongPollThatEndsInVainTellsNoFormerPrimarysNumber(t *testing.T) {
	h, p := openPromoted(t, room.Config{})
	h.send(t, 0, "of both")
	for range 3 {
		h.elsewhere(t, h.message(3, "nobody is told"))
	}
	ctx, end := context.WithCancel(t.Context())
	asked := h.Stats().HistoryAsked
	got := make(chan room.Page, 1)
	go func() {
		page, err := h.Wait(ctx, h.rooms[0], room.SinceQuery{User: h.users[0].ID, Room: h.rooms[0].ID, Since: 4, Limit: 50})
		if err != nil {
			t.Error(err)
		}
		got <- page
	}()
	await.Until(t, "the poll has found nothing", func() bool { return h.Stats().HistoryAsked > asked })
	p.timeline.Add(1)
	end()
	if page := await.Value(t, "an answer", got); page.Seq != 0 || page.Rewound || len(page.Messages) != 0 || page.Timeline != 2 {
		t.Errorf("%+v", page)
	}
}

// TestWhatIsStoredAsAnotherPrimaryTakesOverIsNotAnsweredAsStored: the commit was answered
// before. It is told where the new primary has it.
func TestWhatIsStoredAsAnotherPrimaryTakesOverIsNotAnsweredAsStored(t *testing.T) {
	for name, lost := range map[string]bool{"the new one has it": false, "the new one lacks it": true} {
		t.Run(name, func(t *testing.T) {
			var logged syncBuffer
			h, p := openPromoted(t, room.Config{Log: slog.New(slog.NewTextHandler(&logged, nil))})
			l := h.tell(t, 2)
			p.at("append", func() {
				if lost {
					h.goBack(t, 2)
				}
				p.timeline.Add(1)
			})
			op := h.message(0, "between two primaries")
			if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Refused || op.Err != protocol.ErrUnknownOutcome {
				t.Fatalf("outcome %d, %v, %v", op.Outcome, op.Err, err)
			}
			if !strings.Contains(logged.String(), "another primary has taken over before a commit was answered") {
				t.Errorf("the operator is told %s", logged.String())
			}
			if !lost {
				l.hears(t, 3)
			}
			h.send(t, 0, "of the new primary")
			if l.hears(t, 3); l.isRewound() || h.Stats().Superseded != 1 {
				t.Errorf("set back: %v; %d left out", l.isRewound(), h.Stats().Superseded)
			}
		})
	}
}

// TestAnOwnMessageThatIsLostBeforeItIsToldSetsTheRoomBack: it was stored and answered while
// what comes before it had not come. Then another primary takes over that lacks it.
func TestAnOwnMessageThatIsLostBeforeItIsToldSetsTheRoomBack(t *testing.T) {
	for _, more := range []int{0, 2, 3} {
		t.Run(fmt.Sprint(more, " of the new primary"), func(t *testing.T) {
			t.Parallel()
			h, p := openPromoted(t, room.Config{})
			l := h.tell(t, 2)
			// The read that fills the gap comes back only after the fail-over.
			p.at("append", func() { p.at("walk", func() { h.failOver(t, p, 2, more) }) })
			h.elsewhere(t, h.message(3, "of another node, and its notice is late"))
			h.send(t, 0, "stored as 4")
			await.Until(t, "the listener is told", l.isRewound)
			if n := len(l.hears(t, 2)); n != 2 {
				t.Errorf("%d events told", n)
			}
		})
	}
}
