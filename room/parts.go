package room

import (
	"context"
	"errors"
)

// inParts asks the store several questions in one look. Where it fails for a row
// that it cannot read (ErrUnreadable), the questions are asked in halves, so that only
// those whom the row concerns get no answer. errs is nil where all have one;
// otherwise it has an error for each question without.
func inParts[Q, A any](ctx context.Context, qs []Q, ask func(context.Context, []Q) ([]A, error)) (answers []A, errs []error) {
	answers, err := ask(ctx, qs)
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
	first, failed := inParts(ctx, qs[:half], ask)
	copy(answers, first)
	copy(errs, failed)
	second, failed := inParts(ctx, qs[half:], ask)
	copy(answers[half:], second)
	copy(errs[half:], failed)
	return answers, errs
}
