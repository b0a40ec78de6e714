package attachment

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/room"
)

// Upload is a file that somebody sends.
type Upload struct {
	Room, User uuid.UUID
	Name       string // a valid one
	Type       string // as the client says; empty: it does not
	Length     int64  // of the body, in bytes
	Body       io.Reader
}

// Upload stores a file. Its error is a *protocol.Error where the file is refused, the body's own
// where that fails, and otherwise one of the stores'. What is not stored leaves nothing.
func (s *Service) Upload(ctx context.Context, u *Upload) (protocol.Attachment, error) {
	filter := media.NewFilter(u.Body, media.Options{KeepMetadata: s.cfg.KeepMetadata})
	mime, err := s.judge(filter, u.Type)
	if err != nil {
		return protocol.Attachment{}, err
	}
	id := newID()
	a := &room.StoredAttachment{
		Attachment: protocol.Attachment{ID: id, Name: u.Name, MIME: string(mime), Size: u.Length},
		Room:       u.Room, Uploader: u.User, Key: id.String(),
	}
	if err := s.add(ctx, a); err != nil {
		return protocol.Attachment{}, err
	}
	if err := s.keep(ctx, a, filter); err != nil {
		s.discard(ctx, a, err)
		return protocol.Attachment{}, err
	}
	s.stats.stored(a.Size, filter.Result().Metadata)
	return a.Attachment, nil
}

// add stores a row that is pending.
func (s *Service) add(ctx context.Context, a *room.StoredAttachment) error {
	ctx, cancel := context.WithTimeout(ctx, rowTime)
	defer cancel()
	return s.store.AddAttachment(ctx, a)
}

// judge returns the type of a file, or refuses it.
func (s *Service) judge(filter *media.Filter, declared string) (media.Type, error) {
	is, err := filter.Type()
	if err != nil {
		return "", s.fault(err)
	}
	is, agrees := is.Agree(declared)
	if !agrees || !s.cfg.Types.Has(is) {
		return "", s.refuse(ErrType)
	}
	return is, nil
}

// keep stores the bytes of a row that is pending, and makes it ready.
func (s *Service) keep(ctx context.Context, a *room.StoredAttachment, filter *media.Filter) error {
	sum := sha256.New()
	n, err := s.blobs.Put(ctx, a.Key, &summed{filter, sum}, a.MIME)
	if err != nil {
		return s.fault(err)
	}
	a.Size, a.Hash = n, sum.Sum(nil)
	a.Width, a.Height = shown(filter.Result())
	if err := s.mayPass(ctx, a); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rowTime)
	defer cancel()
	err = s.store.ReadyAttachment(ctx, a, s.cfg.Quota)
	if errors.Is(err, room.ErrQuota) {
		return s.refuse(ErrQuota)
	}
	return err
}

// shown are the measures of an image as it is shown.
func shown(r media.Result) (width, height int) {
	const turned = 5 // and above: a viewer shows the height as the width
	if r.Orientation >= turned {
		return r.Height, r.Width
	}
	return r.Width, r.Height
}

// summed notes the hash of what passes.
type summed struct {
	io.Reader
	sum hash.Hash
}

func (r *summed) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	_, _ = r.sum.Write(p[:n]) // never fails
	return n, err
}

// fault says what went wrong on the way to the blobs: the file may be at fault.
func (s *Service) fault(err error) error {
	switch {
	case errors.Is(err, media.ErrBroken), errors.Is(err, media.ErrUnclean):
		return s.refuse(ErrType)
	}
	s.stats.failed.Add(1)
	return err
}

// discard leaves nothing of an upload that has failed so. Where the database does not say that
// the row is gone, it may be ready, or its bytes another row's, so they stay: the sweep finds what
// is to go. It also finds bytes that come late, as their row stays until then.
func (s *Service) discard(ctx context.Context, a *room.StoredAttachment, failed error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	var lease time.Duration
	if mayComeLate(failed) {
		lease = lateTime
	}
	err := s.store.LoseAttachment(ctx, a.ID, lease)
	if err == nil {
		err = s.remove(ctx, a)
	}
	if err == nil && lease == 0 {
		err = s.store.ForgetAttachments(ctx, []uuid.UUID{a.ID})
	}
	if err != nil {
		s.log.Debug("an upload is left to the sweep", "attachment", a.ID, "error", err)
	}
}

// mayComeLate reports whether bytes may still come to their store: it was asked to keep them, and
// nobody heard its answer.
func mayComeLate(failed error) bool {
	return errors.Is(failed, ErrBlobs) || errors.Is(failed, context.Canceled) || errors.Is(failed, context.DeadlineExceeded)
}

// remove deletes the bytes of a row that is gone.
func (s *Service) remove(ctx context.Context, a *room.StoredAttachment) error {
	err := s.blobs.Delete(ctx, a.Key)
	if err == nil && a.PreviewKey != "" {
		err = s.blobs.Delete(ctx, a.PreviewKey)
	}
	return err
}

// Preview stores a smaller image of a file that no message has yet, in place of the one before.
func (s *Service) Preview(ctx context.Context, of *room.StoredAttachment, u *Upload) (protocol.Attachment, error) {
	filter := media.NewFilter(u.Body, media.Options{})
	is, err := filter.Type()
	if err != nil {
		return protocol.Attachment{}, s.fault(err)
	}
	if _, agrees := is.Agree(u.Type); !agrees || is != media.JPEG && is != media.PNG && is != media.WebP {
		return protocol.Attachment{}, s.refuse(ErrType)
	}
	// A row of its own has the bytes until the file's has them, so that a crash leaves none.
	id := newID()
	p := &room.StoredAttachment{
		Attachment: protocol.Attachment{ID: id, Name: of.Name, MIME: string(is), Size: u.Length},
		Room:       of.Room, Uploader: of.Uploader, Key: previewKey(of.ID, id, is),
	}
	if err := s.add(ctx, p); err != nil {
		return protocol.Attachment{}, err
	}
	if err = s.keepPreview(ctx, of.ID, p, filter); err != nil {
		s.discard(ctx, p, err)
		return protocol.Attachment{}, err
	}
	a := of.Attachment
	a.Preview = true
	return a, nil
}

// keepPreview stores the bytes of a row that is pending, and gives them to the file's.
func (s *Service) keepPreview(ctx context.Context, of uuid.UUID, p *room.StoredAttachment, filter *media.Filter) error {
	if _, err := s.blobs.Put(ctx, p.Key, filter, p.MIME); err != nil {
		return s.fault(err)
	}
	if err := s.mayPass(ctx, p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rowTime)
	defer cancel()
	err := s.store.PreviewAttachment(ctx, of, p, s.cfg.Quota)
	switch {
	case errors.Is(err, room.ErrNoAttachment):
		return protocol.ErrInvalidAttachment // it was sent meanwhile
	case errors.Is(err, room.ErrQuota):
		return s.refuse(ErrQuota)
	}
	return err
}

// extensions tell the type of a preview in its key.
var extensions = map[media.Type]string{media.JPEG: ".jpg", media.PNG: ".png", media.WebP: ".webp"}

func previewKey(of, id uuid.UUID, is media.Type) string {
	return fmt.Sprintf("%s-%s%s", of, id, extensions[is])
}

// newID returns an id of RFC 9562, version 7.
func newID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic("attachment: no randomness: " + err.Error()) // crypto/rand cannot fail on a supported system
	}
	return id
}
