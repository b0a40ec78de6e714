package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
)

// upload stores a file for a message of the room that the path names.
func (c *call) upload() {
	stop := c.looking()
	access, ok := c.enter(placeID(c.id))
	if stop(); !ok {
		return
	}
	name := "file"
	if args := c.http.QueryArgs(); args.Has("name") {
		name = string(args.Peek("name"))
	}
	switch {
	case !access.May.Has(protocol.MayUpload):
		c.refuse(protocol.ErrNotAllowed)
	case !protocol.ValidName(name):
		c.refuse(errName)
	default:
		u := &attachment.Upload{Room: access.Room.ID, User: c.caller.User, Name: name}
		c.receive(u, fasthttp.StatusCreated, c.cfg.Files.BytesMax(), func() (protocol.Attachment, error) { return c.cfg.Files.Upload(c.ctx, u) })
	}
}

// preview stores a smaller image of a file of the caller's that no message has yet.
func (c *call) preview() {
	stop := c.looking()
	of, access, ok := c.visibleFile(placeID(c.id))
	if stop(); !ok {
		return
	}
	switch {
	case of.Uploader != c.caller.User, !access.May.Has(protocol.MayUpload):
		c.refuse(protocol.ErrNotAllowed)
	case of.Message != uuid.Nil:
		c.refuse(protocol.ErrInvalidAttachment)
	default:
		u := &attachment.Upload{User: c.caller.User}
		c.receive(u, fasthttp.StatusOK, attachment.PreviewBytesMax, func() (protocol.Attachment, error) { return c.cfg.Files.Preview(c.ctx, of, u) })
	}
}

// visibleFile returns a file that may be read in a room that the caller may enter, or refuses.
func (c *call) visibleFile(id uuid.UUID) (*room.StoredAttachment, room.Access, bool) {
	a, err := c.cfg.Files.Found(c.ctx, id)
	if err != nil && !errors.Is(err, room.ErrNoAttachment) {
		c.fail(err)
		return nil, room.Access{}, false
	}
	if err != nil {
		a.Room = uuid.Nil // which nobody may enter
	}
	access, ok := c.enter(a.Room)
	return a, access, ok
}

// receive has a body stored while it comes, and answers with the attachment.
func (c *call) receive(u *attachment.Upload, status int, most int64, store func() (protocol.Attachment, error)) {
	switch {
	case c.chunked || len(c.http.Request.Header.Peek(fasthttp.HeaderContentLength)) == 0:
		c.refuse(errNoLength)
		return
	case c.length > most:
		c.refuse(protocol.ErrAttachmentTooLarge)
		return
	}
	u.Type, u.Length = string(c.http.Request.Header.ContentType()), c.length
	done, err := c.turn(u)
	if err != nil {
		c.refuseUpload(err)
		return
	}
	defer done()
	a, err := c.stream(u, store)
	if err != nil {
		c.refuseUpload(err)
		return
	}
	base := ""
	if len(c.forwarded(fasthttp.HeaderXForwardedProto))+len(c.forwarded(fasthttp.HeaderXForwardedHost)) > 0 {
		base = c.base()
	}
	c.answer(status, c.cfg.Files.Link(&a, base))
}

// turn waits until the caller may upload. An upload has places of its own: it keeps no other call
// from being answered.
func (c *call) turn(u *attachment.Upload) (done func(), err error) {
	stop := c.looking()
	err = c.cfg.Files.MayUpload(c.ctx, u.User, u.Length)
	if stop(); err != nil {
		return nil, err
	}
	c.unplace()
	c.uncount()
	ctx, cancel := context.WithCancelCause(c.ctx)
	end, err := c.cfg.Files.Turn(ctx, u.User, func() { cancel(attachment.ErrCrowded) })
	if err != nil {
		cancel(nil)
		return nil, err
	}
	c.ctx = ctx
	return func() {
		end()
		cancel(nil)
	}, nil
}

// stream has the body stored. What it needs of memory does not depend on the body's length.
func (c *call) stream(u *attachment.Upload, store func() (protocol.Attachment, error)) (a protocol.Attachment, err error) {
	c.bodyStopped = c.length > 0
	begun := time.Now()
	if c.waits {
		_ = c.in.SetWriteDeadline(begun.Add(writeTimeout))
		if _, err := c.in.Conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return a, fmt.Errorf("%w: %w", errRequestCut, err)
		}
	}
	defer context.AfterFunc(c.ctx, func() { _ = c.in.SetReadDeadline(longAgo) })()
	body := &uploadBody{c: c, left: c.length, until: begun.Add(uploadGrace)}
	u.Body = body
	c.in.kept.Store(2 * uploadReadBytes)
	a, err = store()
	c.in.kept.Store(0)
	c.in.places.resume(c.in) // whoever took its place has ended the body
	if body.left == 0 {
		c.bodyRead, c.bodyStopped = true, false
	}
	return a, err
}

// uploadBody reads a request's body as it comes, and gives up a client that is too slow.
type uploadBody struct {
	c     *call
	left  int64
	until time.Time // when more must have come
}

// Read implements io.Reader.
func (b *uploadBody) Read(p []byte) (int, error) {
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.c.ctx.Err() != nil:
		return 0, fmt.Errorf("%w: %w", errRequestCut, b.c.ctx.Err())
	}
	p = p[:min(int64(len(p)), b.left, uploadReadBytes)]
	if !b.c.in.awaitRest(b.until) {
		return 0, errPlaceGone
	}
	if err := b.c.ctx.Err(); err != nil { // perhaps before the wait set a later end
		return 0, fmt.Errorf("%w: %w", errRequestCut, err)
	}
	n, err := b.c.in.readInto(p)
	b.left -= int64(n)
	if n > 0 {
		b.until = b.until.Add(time.Duration(n) * time.Second / uploadRateMin)
		if latest := time.Now().Add(uploadGrace); b.until.After(latest) { // what came fast is no leave to stop for long
			b.until = latest
		}
		return n, nil
	}
	return 0, fmt.Errorf("%w: %w", errRequestCut, err)
}

// refuseUpload answers an upload that is not stored.
func (c *call) refuseUpload(err error) {
	var refused *protocol.Error
	switch {
	case errors.As(err, &refused):
		if refused.Code == protocol.CodeQuota {
			c.retryAfter(fullRoomWait)
		}
		c.refuse(refused)
	case errors.Is(err, attachment.ErrUserCrowded):
		c.crowdUser()
	case errors.Is(err, attachment.ErrCrowded):
		c.crowd(CrowdedUploads)
	case errors.Is(context.Cause(c.ctx), attachment.ErrCrowded): // it gave way to somebody who has fewer
		c.crowd(CrowdedUploads)
	case c.ctx.Err() != nil:
		c.refuse(errUnavailable)
	case errors.Is(err, attachment.ErrBlobs), errors.Is(err, attachment.ErrNoBytes): // perhaps as its bucket took too long
		c.unstored(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.refuse(errTimeout)
	case errors.Is(err, errRequestCut), errors.Is(err, errPlaceGone):
		c.refuseBody(err)
	default:
		c.fail(err)
	}
}

// unstored says that the store of files cannot be used.
func (c *call) unstored(err error) {
	c.log.Warn("the store of files cannot be used", "route", c.route, "error", err)
	c.refuse(errUnavailable)
}
