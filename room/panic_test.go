package room_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

var roomA, roomB = persist.FleetTrip(0), persist.FleetTrip(1)

// panicking is a test of a service in which something panics, in a time of its own.
type panicking struct {
	*testing.T
	*room.Service
	store *memory
	log   *lines
}

// lines is a log that goroutines share.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// withPanics runs a test, which ends with as many panics as wanted: all are counted,
// and each is told in one line, with its stack.
func withPanics(t *testing.T, want int64, verify room.Authenticator, plane room.Backplane, cfg room.Config, test func(*panicking)) {
	synctest.Test(t, func(t *testing.T) {
		p := &panicking{T: t, store: newMemory(), log: &lines{}}
		cfg.Log = slog.New(slog.NewTextHandler(p.log, nil))
		p.Service = room.New(p.store, verify, plane, cfg)
		defer p.Close()
		test(p)
		synctest.Wait()
		told := strings.Count(p.log.String(), "stack=")
		if n := p.Stats().Panics; n != want || told != int(n) {
			t.Errorf("%d panics were counted and %d told, want %d:\n%s", n, told, want, p.log)
		}
	})
}

// panics returns a function that panics the first n times.
func panics(n int) func() {
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if n--; n >= 0 {
			panic("in a test")
		}
	}
}

// do has an op carried out and returns it.
func (p *panicking) do(op *room.Op) *room.Op {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	if err := p.Do(ctx, op); err != nil {
		p.Fatalf("%q was not answered: %v", op.Content, err)
	}
	return op
}

// TestAStoreThatPanicsInAppend: nobody knows whether the commit had been made.
func TestAStoreThatPanicsInAppend(t *testing.T) {
	withPanics(t, 1, nil, nil, room.Config{Lanes: 1}, func(p *panicking) {
		p.store.at("Append", panics(1))
		if op := p.do(messageTo(roomA, "first")); op.Outcome != room.Refused || op.Err != protocol.ErrUnknownOutcome {
			p.Errorf("outcome %d, %v", op.Outcome, op.Err)
		}
		if op := p.do(messageTo(roomA, "second")); op.Outcome != room.Stored {
			p.Errorf("the lane does not go on: outcome %d, %v", op.Outcome, op.Err)
		}
	})
}

// TestWhoPanicsAtAnAnswer: those after them are answered.
func TestWhoPanicsAtAnAnswer(t *testing.T) {
	withPanics(t, 2, nil, nil, room.Config{Lanes: 1}, func(p *panicking) {
		for range 2 {
			op := messageTo(roomA, "x")
			op.Answer = func(*room.Op) { panic("in a test") }
			p.Submit(op)
		}
		if op := p.do(messageTo(roomA, "y")); op.Seq != 3 {
			p.Errorf("%d messages are stored", op.Seq)
		}
	})
}

type panickyObserver struct{}

func (panickyObserver) Committed(int, time.Duration, time.Duration) { panic("in a test") }
func (panickyObserver) Told(time.Duration)                          { panic("in a test") }

func TestAnObserverThatPanics(t *testing.T) {
	withPanics(t, 2, nil, nil, room.Config{Observer: panickyObserver{}}, func(p *panicking) {
		if op := p.do(messageTo(roomA, "x")); op.Outcome != room.Stored {
			p.Errorf("outcome %d, %v", op.Outcome, op.Err)
		}
	})
}

func TestACongestionThatPanics(t *testing.T) {
	withPanics(t, 1, nil, nil, room.Config{Lanes: 1, Congested: func() bool { panic("in a test") }}, func(p *panicking) {
		if op := p.do(messageTo(roomA, "x")); op.Outcome != room.Stored {
			p.Errorf("outcome %d, %v", op.Outcome, op.Err)
		}
	})
}

// panickyPlane is a backplane that panics.
type panickyPlane struct{ silent }

func (panickyPlane) Publish(*room.Batch) { panic("in a test") }

// TestABackplaneThatPanics: what may not have been told of a batch is read from the
// store.
func TestABackplaneThatPanics(t *testing.T) {
	withPanics(t, 2, nil, panickyPlane{}, room.Config{Lanes: 1}, func(p *panicking) {
		heard := map[uuid.UUID]*hearer{roomA: {}, roomB: {}}
		for id, l := range heard {
			p.Follow(id, 0, l)
		}
		goOn := make(chan struct{})
		p.store.at("Append", func() { <-goOn })
		p.Submit(messageTo(uuid.New(), "ahead"))
		synctest.Wait() // the next ones are a batch of two rooms
		p.Submit(messageTo(roomA, "x"))
		p.Submit(messageTo(roomB, "y"))
		close(goOn)
		pass(time.Second)
		for id, l := range heard {
			if len(l.events) != 1 {
				p.Errorf("in room %s %d events were told", id, len(l.events))
			}
		}
	})
}

// TestAListenerThatPanics begins anew, and the room's others are told.
func TestAListenerThatPanics(t *testing.T) {
	withPanics(t, 1, nil, nil, room.Config{}, func(p *panicking) {
		odd, good := &panickyListener{fault: panics(1)}, &hearer{}
		p.Follow(roomA, 0, odd)
		p.Follow(roomA, 0, good)
		p.do(messageTo(roomA, "x"))
		if len(good.events) != 1 || good.rewound || !odd.rewound {
			p.Errorf("the good one has %d events, began anew: %v; the odd one began anew: %v", len(good.events), good.rewound, odd.rewound)
		}
		p.Unfollow(roomA, odd)
		p.Unfollow(roomA, good)
		if n := p.Stats().RoomsNow; n != 0 {
			p.Errorf("%d rooms are followed by nobody", n)
		}
	})
}

type panickyListener struct {
	hearer
	fault func()
}

func (l *panickyListener) Deliver(b *room.Batch) room.Waker {
	l.fault()
	return l.hearer.Deliver(b)
}

// TestAReadThatPanicsIsRepeated: a gap is filled although the first reads panic.
func TestAReadThatPanicsIsRepeated(t *testing.T) {
	withPanics(t, 2, nil, silent{}, room.Config{}, func(p *panicking) {
		l := &hearer{}
		p.Follow(roomA, 0, l)
		if err := p.store.Append(p.Context(), []*room.Op{messageTo(roomA, "of another node")}, room.Within{}); err != nil {
			p.Fatal(err)
		}
		p.store.at("Walk", panics(2))
		p.CatchUp(roomA)
		pass(time.Minute)
		if len(l.events) != 1 || p.Stats().RepairErrors != 2 {
			p.Errorf("%d events were told after %d reads that failed", len(l.events), p.Stats().RepairErrors)
		}
	})
}

// TestAPollThatPanicsIsRepeated: what nobody told of is found by a later one.
func TestAPollThatPanicsIsRepeated(t *testing.T) {
	withPanics(t, 1, nil, nil, room.Config{}, func(p *panicking) {
		l := &hearer{}
		p.Follow(roomA, 0, l)
		p.store.at("Heads", panics(1))
		if err := p.store.Append(p.Context(), []*room.Op{messageTo(roomA, "of another node")}, room.Within{}); err != nil {
			p.Fatal(err)
		}
		pass(time.Minute)
		if len(l.events) != 1 {
			p.Errorf("%d events were told", len(l.events))
		}
	})
}

// TestAQuestionThatPanicsHarmsItselfAlone: it fails, and those asked with it have
// their answers.
func TestAQuestionThatPanicsHarmsItselfAlone(t *testing.T) {
	store := &oddRoom{memory: newMemory(), odd: roomB}
	synctest.Test(t, func(t *testing.T) {
		s := room.New(store, believing{}, nil, room.Config{})
		defer s.Close()
		rooms := []uuid.UUID{roomA, roomB, persist.FleetTrip(2), persist.FleetTrip(3)}
		entered, read := make([]error, len(rooms)), make([]error, len(rooms))
		for i, id := range rooms {
			s.Enter(room.EnterRequest{Bearer: persist.FleetUser(0).String(), Place: id, PlaceOK: true}, func(_ room.Entry, err error) { entered[i] = err })
			s.History(protocol.RoomInfo{Room: id}, nil, func(_ *room.History, err error) { read[i] = err })
		}
		questions := make([]room.AccessQuestion, len(rooms))
		for i, id := range rooms {
			questions[i].Place = id
		}
		_, checked := s.Recheck(t.Context(), questions)
		pass(time.Minute)
		for i, id := range rooms {
			for what, err := range map[string]error{"entering": entered[i], "history": read[i], "recheck": checked[i]} {
				if failed := errors.Is(err, room.ErrUnavailable); failed != (id == roomB) || failed != (err != nil) {
					t.Errorf("%s of room %d: %v", what, i, err)
				}
			}
		}
		if s.Stats().Panics == 0 {
			t.Error("no panic was counted")
		}
	})
}

// oddRoom is a store that panics at the questions about one room.
type oddRoom struct {
	*memory
	odd uuid.UUID
}

func (s *oddRoom) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	for _, q := range questions {
		if q.Place == s.odd {
			panic("in a test")
		}
	}
	return s.memory.Access(ctx, questions)
}

func (s *oddRoom) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	for _, id := range rooms {
		if id == s.odd {
			panic("in a test")
		}
	}
	return s.memory.Latest(ctx, rooms, limit)
}

// unknownKeys is an Authenticator that panics when it may wait for a key.
type unknownKeys struct{}

func (unknownKeys) VerifyNow(string) (token.Identity, error) {
	return token.Identity{}, &token.Refusal{Reason: token.ReasonKey}
}

func (unknownKeys) Verify(context.Context, string) (token.Identity, error) { panic("in a test") }

// TestATokenThatPanics is answered, and so are those that come with it and later.
func TestATokenThatPanics(t *testing.T) {
	enter := func(p *panicking, bearer string) (verdict error) {
		verdict = errors.New("none")
		p.Enter(room.EnterRequest{Bearer: bearer, Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) { verdict = err })
		pass(time.Second)
		return verdict
	}
	good := persist.FleetUser(0).String()
	withPanics(t, 100, believing{"odd": func() { panic("in a test") }}, nil, room.Config{}, func(p *panicking) {
		for range 100 { // more than there are workers
			if err := enter(p, "odd"); !errors.Is(err, room.ErrUnavailable) {
				p.Fatal(err)
			}
		}
		if err := enter(p, good); err != nil {
			p.Error(err)
		}
	})
	withPanics(t, 10, unknownKeys{}, nil, room.Config{}, func(p *panicking) {
		for range 10 {
			if err := enter(p, "odd"); !errors.Is(err, room.ErrUnavailable) {
				p.Fatal(err)
			}
		}
	})
}

// TestWhoPanicsWhenLetIn: those who come later are let in.
func TestWhoPanicsWhenLetIn(t *testing.T) {
	withPanics(t, 100, believing{}, nil, room.Config{}, func(p *panicking) {
		r := room.EnterRequest{Bearer: persist.FleetUser(0).String(), Place: roomA, PlaceOK: true}
		for range 100 {
			p.Enter(r, func(room.Entry, error) { panic("in a test") })
			pass(time.Second)
		}
		let := false
		p.Enter(r, func(_ room.Entry, err error) { let = err == nil })
		pass(time.Second)
		if !let {
			p.Error("was not let in")
		}
	})
}
