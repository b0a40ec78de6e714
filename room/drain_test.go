package room_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// frozen is a store that stops in the midst of its first commit. It lets go of
// what is asked of it when the context ends, or, where it does not heed that, at its own end.
type frozen struct {
	room.Store // what else a Service asks for does not happen here

	heedless bool
	ended    chan struct{}
	asked    int // by one lane
}

func (f *frozen) Timeline() room.Timeline { return 0 }

func (f *frozen) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{All: true}, nil
}

func (f *frozen) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}

func (f *frozen) Append(ctx context.Context, _ []*room.Op, _ room.Within) error {
	f.asked++
	first := f.asked == 1
	done := ctx.Done()
	if f.heedless {
		done = nil
	}
	select {
	case <-done:
	case <-f.ended:
	}
	if first {
		return fmt.Errorf("%w: %w", room.ErrOutcomeUnknown, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %w", room.ErrNotStored, context.Cause(ctx))
}

// drainFrozen has three messages accepted, each a batch of its own, and drains for
// two seconds.
func drainFrozen(t *testing.T, store *frozen, check func(answers []*protocol.Error, took time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		store.ended = make(chan struct{})
		s := room.New(store, nil, nil, room.Config{Lanes: 1, BatchOps: 1})
		defer s.Close()
		defer close(store.ended)
		answers := make([]*protocol.Error, 3)
		for i := range answers {
			s.Submit(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "x"}, Answer: func(op *room.Op) { answers[i] = op.Err }})
		}
		synctest.Wait() // the store has the first
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun := time.Now()
		if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drained: %v", err)
		}
		check(answers, time.Since(begun))
	})
}

func TestADrainThatIsOverAnswersWhatIsLeft(t *testing.T) {
	drainFrozen(t, &frozen{}, func(answers []*protocol.Error, took time.Duration) {
		if answers[0] != protocol.ErrUnknownOutcome || answers[1] != protocol.ErrUnavailable || answers[2] != protocol.ErrUnavailable {
			t.Errorf("the answers are %v", answers)
		}
		if took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestADrainDoesNotWaitForAStoreThatNeverAnswers(t *testing.T) {
	drainFrozen(t, &frozen{heedless: true}, func(_ []*protocol.Error, took time.Duration) {
		if took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
