package attachment

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/room"
)

// Config says what may be uploaded.
type Config struct {
	BytesMax     int64         // of a file
	Types        media.Allowed // of files
	Quota        int64         // bytes that a user may upload in 24 hours; 0: any
	KeepMetadata bool          // of photos: where and when they were taken
	ScanURL      string        // is asked about each file; empty: nobody is
	Links        *Links
	SweepEvery   time.Duration // 0: sweepEvery
	Tidy         func() error  // removes what uploads that ended have left beside the blobs; nil: nothing can be
	Log          *slog.Logger
}

// Limits that no flag changes.
const (
	UploadsMax      = 64 // at once on a node
	UploadsUserMax  = 32 // of them, those of one user
	waitingMax      = 256
	slotWait        = 10 * time.Second // that an upload waits for its turn before a byte of it is read
	PreviewBytesMax = room.PreviewBytesMax

	scanTime    = 60 * time.Second
	rowTime     = 20 * time.Second // for the database, each time that an upload asks it
	discardTime = 10 * time.Second
	lateTime    = 5 * time.Minute // until bytes are deleted again that may have come late

	sweepEvery  = time.Minute
	sweepFirst  = 5 * time.Second // after the start
	sweepLease  = time.Minute     // less than it takes until the next sweep, so that what failed is tried again by it
	sweepRows   = 100             // that are leased at once
	sweepFails  = 3               // in a row: the store of files is away
	unusedTime  = 24 * time.Hour
	presignTime = 5 * time.Minute
	sweepLogs   = time.Minute // between two lines that say that the sweep fails
	tidyEvery   = time.Hour
)

// The refusals of uploads.
var (
	ErrTooLarge = protocol.ErrAttachmentTooLarge
	ErrType     = protocol.ErrAttachmentType
	ErrRejected = protocol.ErrAttachmentRejected
	ErrQuota    = protocol.ErrUploadQuota
)

// Service keeps attachments.
type Service struct {
	store room.AttachmentStore
	blobs Blobs
	cfg   Config
	log   *slog.Logger
	scan  *http.Client
	slots slots
	stats counters

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New starts a service, which sweeps until Close. The store and the blobs stay the caller's.
func New(store room.AttachmentStore, blobs Blobs, cfg Config) *Service {
	if cfg.SweepEvery <= 0 {
		cfg.SweepEvery = sweepEvery
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{store: store, blobs: blobs, cfg: cfg, log: cfg.Log, stop: stop}
	s.stats.refused = make(map[protocol.Code]int64)
	s.scan = &http.Client{
		Timeout:       scanTime,
		Transport:     &http.Transport{MaxConnsPerHost: UploadsMax, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.running.Go(func() { s.sweepAll(ctx) })
	return s
}

// Close ends the sweep. Uploads under way end with their contexts.
func (s *Service) Close() {
	s.stop()
	s.running.Wait()
	s.scan.CloseIdleConnections()
}

// BytesMax is how large a file may be.
func (s *Service) BytesMax() int64 { return s.cfg.BytesMax }

// Link makes the JSON object of an attachment as whoever uploaded it is told it. base stands
// before its URL's path, where the links do not have a base of their own.
func (s *Service) Link(a *protocol.Attachment, base string) []byte {
	links := s.cfg.Links
	if links.base == "" && base != "" {
		links = links.at(base)
	}
	return protocol.AppendAttachment(nil, a, links)
}

// at returns links that have another base.
func (l *Links) at(base string) *Links {
	other := &Links{base: base, half: l.half, now: l.now}
	other.macs.New = l.macs.New
	return other
}

// MayUpload says whether a user may upload so many bytes now.
func (s *Service) MayUpload(ctx context.Context, user uuid.UUID, bytes int64) error {
	if bytes > s.cfg.BytesMax {
		return s.refuse(ErrTooLarge)
	}
	if s.cfg.Quota == 0 {
		return nil
	}
	used, err := s.store.UploadedBytes(ctx, user)
	if err != nil {
		return err
	}
	if used+bytes > s.cfg.Quota {
		return s.refuse(ErrQuota)
	}
	return nil
}
