package room_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// paced is a store that stores a batch each time it is let.
type paced struct {
	room.Store // what else a Service asks for does not happen here
	let        chan struct{}
}

func (p *paced) Timeline() room.Timeline { return 0 }

func (p *paced) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{All: true}, nil
}

func (p *paced) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}

func (p *paced) Append(ctx context.Context, ops []*room.Op, _ room.Within) error {
	select {
	case <-p.let:
	case <-ctx.Done():
		return room.ErrNotStored
	}
	for _, op := range ops {
		op.Outcome = room.Refused
		op.Err = protocol.ErrNotFound // nobody is to be told anything
	}
	return nil
}

// TestAwaitAnswersWaitsForWhatWasSubmittedBefore, and for nothing that came later: with one
// op a batch, it is over with the answer to the last of those.
func TestAwaitAnswersWaitsForWhatWasSubmittedBefore(t *testing.T) {
	for _, before := range []int{0, 1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			store := &paced{let: make(chan struct{})}
			s := room.New(store, nil, nil, room.Config{Lanes: 1, BatchOps: 1})
			defer s.Close()
			defer close(store.let)
			answered := 0
			submit := func() {
				s.Submit(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "x"}, Answer: func(*room.Op) { answered++ }})
			}
			for range before {
				submit()
			}
			synctest.Wait() // the store has the first
			done := make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { done <- s.AwaitAnswers(ctx) }()
			synctest.Wait()
			for range 10 {
				submit()
			}
			for n := range before {
				time.Sleep(time.Second)
				if len(done) > 0 {
					t.Fatalf("of %d, it is over after %d", before, n)
				}
				store.let <- struct{}{}
			}
			for tries := 0; len(done) == 0; tries++ { // at most one more batch: the one that may have begun meanwhile
				if time.Sleep(time.Second); len(done) == 0 && tries < 2 {
					store.let <- struct{}{}
				}
				if tries > 2 {
					t.Fatalf("of %d, it is not over after %d answers", before, answered)
				}
			}
			if err := <-done; err != nil || answered > before+2 {
				t.Errorf("of %d: %v, after %d answers", before, err, answered)
			}
			go func() { done <- s.AwaitAnswers(ctx) }()
			time.Sleep(time.Second)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		})
	}
}
