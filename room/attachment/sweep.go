package attachment

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// sweepAll deletes again and again what is to go.
func (s *Service) sweepAll(ctx context.Context) {
	timer := time.NewTimer(min(sweepFirst, s.cfg.SweepEvery))
	defer timer.Stop()
	var told time.Time
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
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
	for {
		all, err := s.store.LeaseAttachments(ctx, unusedTime, sweepLease, sweepRows)
		if err != nil {
			return err
		}
		if err := s.sweep(ctx, all); err != nil || len(all) < sweepRows {
			return err
		}
	}
}

// sweep deletes what was leased. What could not be is leased again when the lease is over.
func (s *Service) sweep(ctx context.Context, all []room.StoredAttachment) (failed error) {
	var gone []uuid.UUID
	for i := range all {
		if failed = s.remove(ctx, &all[i]); failed != nil {
			break
		}
		gone = append(gone, all[i].ID)
	}
	if len(gone) == 0 {
		return failed
	}
	if err := s.store.ForgetAttachments(ctx, gone); err != nil {
		return err
	}
	s.stats.swept.Add(int64(len(gone)))
	return failed
}
