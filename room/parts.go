package room

import (
	"context"
	"errors"
	"fmt"

	"github.com/caravan-chat/caravan/room/contain"
)

// inParts asks the store several questions in one look. Where it fails for a row
// that it cannot read (ErrUnreadable), or panics, the questions are asked in halves,
// so that only those whom the row concerns get no answer. errs is nil where all have
// one; otherwise it has an error for each question without.
func inParts[Q, A any](ctx context.Context, guard *contain.Guard, qs []Q, ask func(context.Context, []Q) ([]A, error)) (answers []A, errs []error) {
	answers, err := look(ctx, guard, qs, ask)
	if err == nil {
		return answers, nil
	}
	answers, errs = make([]A, len(qs)), make([]error, len(qs))
	if len(qs) == 1 || !errors.Is(err, ErrUnreadable) {
		for i := range errs {
			errs[i] = err
		}
		return answers, errs
	}
	half := len(qs) / 2
	first, failed := inParts(ctx, guard, qs[:half], ask)
	copy(answers, first)
	copy(errs, failed)
	second, failed := inParts(ctx, guard, qs[half:], ask)
	copy(answers[half:], second)
	copy(errs[half:], failed)
	return answers, errs
}

// look asks the store once. A panic counts as a row that it cannot read.
func look[Q, A any](ctx context.Context, guard *contain.Guard, qs []Q, ask func(context.Context, []Q) ([]A, error)) (answers []A, err error) {
	err = guard.Run("look into the store", func() (err error) {
		answers, err = ask(ctx, qs)
		if err == nil && len(answers) != len(qs) {
			panic(fmt.Sprintf("%d answers to %d questions", len(answers), len(qs)))
		}
		return err
	})
	if errors.Is(err, contain.ErrPanic) {
		err = fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return answers, err
}
