package room

import (
	"context"
	"errors"
	"slices"
)

// Recheck asks whether users may still enter rooms. Answers and errors stand in the
// order of the questions. An error wraps ErrUnavailable: the store could not say, and
// there is no answer.
func (s *Service) Recheck(ctx context.Context, questions []AccessQuestion) (answers []Access, errs []error) {
	s.stats.Rechecks.Add(int64(len(questions)))
	answers, errs = make([]Access, len(questions)), make([]error, len(questions))
	var down error
	for from := 0; from < len(questions); from += roundBatchMax {
		to := min(from+roundBatchMax, len(questions))
		part, failed := []Access(nil), slices.Repeat([]error{down}, to-from)
		if down == nil {
			look, cancel := context.WithTimeout(ctx, lookupTimeout)
			part, failed = inParts(look, s.guard, questions[from:to], s.store.Access)
			cancel()
		}
		for i, a := range part {
			if a.Allowed {
				a.May = s.cfg.Roles.Of(a.Role)
			}
			answers[from+i] = a
		}
		for i, err := range failed {
			if err != nil && !errors.Is(err, ErrUnreadable) {
				down = err
			}
			errs[from+i] = unavailable(err)
		}
	}
	return answers, errs
}
