package attachment_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
)

// late is a store of files whose answer nobody hears, and to which bytes come later.
type late struct {
	*memory
	key   string
	bytes []byte
}

func (l *late) Put(_ context.Context, key string, r io.Reader, _ string) (n int64, err error) {
	l.key = key
	l.bytes, err = io.ReadAll(r)
	return 0, errors.Join(attachment.ErrBlobs, err)
}

// hasty is a store in which a lease is over at once.
type hasty struct {
	room.AttachmentStore
	lease *time.Duration // the last one
}

func (h hasty) LoseAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) error {
	*h.lease = lease
	return h.AttachmentStore.LoseAttachment(ctx, id, min(lease, time.Nanosecond))
}

// TestBytesThatComeLateAreSwept: after an upload that failed, and after its bytes were deleted.
func TestBytesThatComeLateAreSwept(t *testing.T) {
	eachStore(t, func(t *testing.T, rows store) {
		w := newWorld(t, rows)
		var lease time.Duration
		bytes := &late{memory: &w.bytes}
		s := service(t, hasty{rows, &lease}, bytes)
		if _, err := w.upload(s); !errors.Is(err, attachment.ErrBlobs) || lease < time.Minute {
			t.Errorf("%v, with a lease of %v", err, lease)
		}
		if _, err := w.bytes.Put(t.Context(), bytes.key, strings.NewReader(string(bytes.bytes)), ""); err != nil {
			t.Fatal(err)
		}
		w.mustAgree("bytes that came late")
		if err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		if left, err := rows.Attachments(t.Context(), uuid.Nil, 10); err != nil || len(left)+len(w.bytes.bytes) != 0 {
			t.Errorf("left are %v and %d bytes, %v", left, len(w.bytes.bytes), err)
		}
	})
}

// stuck is a store that hangs once a file's bytes are there.
type stuck struct{ noRows }

func (stuck) AddAttachment(context.Context, *room.StoredAttachment) error { return nil }

func (stuck) ReadyAttachment(ctx context.Context, _ *room.StoredAttachment, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func (stuck) LoseAttachment(ctx context.Context, _ uuid.UUID, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestADatabaseThatHangsEndsUploads: each keeps its turn, and 64 are all there are.
func TestADatabaseThatHangsEndsUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bytes memory
		s := service(t, stuck{}, &bytes)
		begun := time.Now()
		_, err := s.Upload(t.Context(), &attachment.Upload{Room: uuid.New(), User: uuid.New(), Name: "a.png", Type: "image/png", Length: int64(len(photo)), Body: strings.NewReader(photo)})
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 45*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		s.Close()
	})
}

// TestLeftoversAreRemovedEachHour: what could not be removed when an upload failed does not stay
// until the next start.
func TestLeftoversAreRemovedEachHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tidied := 0
		s := attachment.New(noRows{}, nil, attachment.Config{Tidy: func() error { tidied++; return nil }})
		time.Sleep(3*time.Hour + time.Hour/2)
		s.Close()
		if tidied != 3 {
			t.Errorf("%d times in three hours and a half", tidied)
		}
	})
}
