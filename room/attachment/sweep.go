package attachment

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// sweepAll deletes again and again what is to go.
func (s *Service) sweepAll(ctx context.Context) {
	timer := time.NewTimer(min(sweepFirst, s.cfg.SweepEvery))
	defer timer.Stop()
	var told time.Time
	tidied := time.Now() // who opened the store of files did it
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := s.Sweep(ctx)
		if s.cfg.Tidy != nil && time.Since(tidied) >= tidyEvery {
			err = errors.Join(err, s.cfg.Tidy())
			tidied = time.Now()
		}
		if err != nil && ctx.Err() == nil {
			s.stats.sweepFailures.Add(1)
			if now := time.Now(); now.Sub(told) >= sweepLogs {
				s.log.Warn("files that are to go could not be deleted; it is tried again", "error", err)
				told = now
			}
		}
		timer.Reset(s.cfg.SweepEvery)
	}
}

// Sweep deletes the bytes and then the rows of all files that are gone, or that no message
// took for a day. Of several nodes each takes others.
func (s *Service) Sweep(ctx context.Context) error {
	var failed error
	for {
		all, err := s.store.LeaseAttachments(ctx, unusedTime, sweepLease, sweepRows)
		if err != nil {
			return err
		}
		gone, err := s.sweep(ctx, all)
		if failed == nil {
			failed = err
		}
		if err != nil && gone == 0 || len(all) < sweepRows {
			return failed
		}
	}
}

// sweep deletes what was leased, and returns how many that were. What could not be deleted is
// leased again later. The order is any one, so that it is not always the same few that end a sweep.
func (s *Service) sweep(ctx context.Context, all []room.StoredAttachment) (int, error) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var gone []uuid.UUID
	var failed error
	for i, fails := 0, 0; i < len(all) && fails < sweepFails; i++ {
		if err := s.remove(ctx, &all[i]); err != nil {
			failed = err
			fails++
			continue
		}
		fails = 0
		gone = append(gone, all[i].ID)
	}
	if len(gone) == 0 {
		return 0, failed
	}
	if err := s.store.ForgetAttachments(ctx, gone); err != nil {
		return 0, err
	}
	s.stats.swept.Add(int64(len(gone)))
	return len(gone), failed
}
