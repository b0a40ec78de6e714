package attachment

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/caravan-chat/caravan/room"
)

// answerBytesMax is what is read of a scanner's answer, so that its connection can be used again.
const answerBytesMax = 4 << 10

// mayPass has the scanner, if there is one, look at the bytes that are stored. Whatever it does
// not say is no: only an answer of 2xx lets them pass.
func (s *Service) mayPass(ctx context.Context, a *room.StoredAttachment) error {
	if s.cfg.ScanURL == "" {
		return nil
	}
	bytes, err := s.blobs.Get(ctx, a.Key, 0, -1)
	if err != nil {
		return err
	}
	defer bytes.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.ScanURL, bytes.ReadCloser)
	if err != nil {
		return err
	}
	request.ContentLength = bytes.Length
	request.Header.Set("Content-Type", a.MIME)
	request.Header.Set("Content-Disposition", Disposition(a.MIME, a.Name))
	answer, err := s.scan.Do(request)
	if err != nil && ctx.Err() != nil { // the client left
		return ctx.Err()
	}
	if err != nil {
		s.stats.scanFailures.Add(1)
		s.log.Warn("a file could not be scanned, so it is refused", "attachment", a.ID, "error", err)
		return fmt.Errorf("%w: scan: %w", ErrBlobs, err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerBytesMax) // whatever ends it, the status has come
	switch answer.StatusCode / 100 {
	case 2:
		return nil
	case 4:
		return s.refuse(ErrRejected)
	}
	s.stats.scanFailures.Add(1)
	s.log.Warn("a file could not be scanned, so it is refused", "attachment", a.ID, "status", answer.StatusCode)
	return fmt.Errorf("%w: the scanner answers %d", ErrBlobs, answer.StatusCode)
}
