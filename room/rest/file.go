package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
	"github.com/caravan-chat/caravan/room/visit"
)

// elsewhereAge is how long a client may go to the same URL of a bucket without asking again: less
// than that URL works.
const elsewhereAge = "private, max-age=240"

// file answers with a file of a room that the caller may enter.
func (c *call) file() {
	stop := c.looking()
	a, _, ok := c.visibleFile(placeID(c.id))
	if stop(); ok {
		c.serveFile(a)
	}
}

// linkedFile answers with the file of a link that works. Nobody has to be known for it.
func (c *call) linkedFile() {
	args := c.http.QueryArgs()
	id := placeID(c.id)
	if id == uuid.Nil || !c.cfg.Files.LinkWorks(id, string(args.Peek("e")), string(args.Peek("s"))) {
		c.refuse(errLink)
		return
	}
	stop := c.looking()
	a, err := c.cfg.Files.Found(c.ctx, id)
	stop()
	switch {
	case errors.Is(err, room.ErrNoAttachment):
		c.refuse(errNotFound)
	case err != nil:
		c.fail(err)
	default:
		c.serveFile(a)
	}
}

// serveFile answers with a file, or with its preview: with its bytes, with where they are, or with
// that the client has them.
func (c *call) serveFile(a *room.StoredAttachment) {
	content, ok := attachment.ContentOf(a, string(c.http.QueryArgs().Peek("preview")) == "1")
	if !ok {
		c.refuse(errNotFound)
		return
	}
	header := &c.http.Response.Header
	header.Set(fasthttp.HeaderETag, content.Tag)
	header.Set(fasthttp.HeaderCacheControl, "private, no-cache") // so that what was deleted is not shown
	if has := string(c.http.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)); has != "" && matches(has, content.Tag) {
		c.http.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	c.unplace() // neither a slow store of files nor who reads slowly keeps anybody out
	elsewhere, err := c.cfg.Files.Elsewhere(c.ctx, &content)
	switch {
	case err != nil:
		c.unstored(err)
	case elsewhere != "" && !c.http.IsHead(): // the URL is good for GET alone
		header.Set(fasthttp.HeaderLocation, elsewhere)
		header.Set(fasthttp.HeaderCacheControl, "no-store")
		if c.caller.User == uuid.Nil { // whoever has the link may read the file so long anyway
			header.Set(fasthttp.HeaderCacheControl, elsewhereAge)
		}
		c.http.SetStatusCode(fasthttp.StatusFound)
	default:
		c.sendFile(&content)
	}
}

// matches reports whether a list of ETags has one.
func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}

// sendFile answers with the bytes, or a part of them. Whatever they are, they are no page of
// this server: a browser runs nothing of them, and does not guess what they are.
func (c *call) sendFile(content *attachment.Content) {
	if !c.download() {
		return
	}
	if content.Size < 0 {
		nothing, err := c.open(content, 0, 0)
		if err != nil {
			c.failFile(err)
			return
		}
		_ = nothing.Close() // nothing was read
		content.Size = nothing.Size
	}
	header := &c.http.Response.Header
	offset, length, status := c.part(content)
	if status == fasthttp.StatusRequestedRangeNotSatisfiable {
		header.Set(fasthttp.HeaderContentRange, "bytes */"+strconv.FormatInt(content.Size, 10))
		c.http.SetStatusCode(status)
		return
	}
	if !c.http.IsHead() {
		bytes, err := c.open(content, offset, length)
		if err != nil {
			c.failFile(err)
			return
		}
		c.sends = bytes
	}
	c.http.SetStatusCode(status)
	if status == fasthttp.StatusPartialContent {
		header.Set(fasthttp.HeaderContentRange, "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(offset+length-1, 10)+"/"+strconv.FormatInt(content.Size, 10))
	}
	header.Set(fasthttp.HeaderAcceptRanges, "bytes")
	header.SetContentType(content.Type)
	header.Set(fasthttp.HeaderContentDisposition, content.Disposition)
	header.Set(fasthttp.HeaderContentSecurityPolicy, "sandbox; default-src 'none'")
	header.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	header.SetContentLength(int(length))
}

// download takes a place among the files that are sent, until release, or refuses: other calls have
// the rest of the connections.
func (c *call) download() bool {
	one := &download{from: visit.Network(c.address()), conn: c.in.Conn}
	one.ctx, one.end = context.WithCancel(c.living)
	if !c.downloads.begin(one, max(1, c.cfg.Limits.Connections/downloadShare)) {
		one.end()
		c.crowd(CrowdedDownloads)
		return false
	}
	c.downloading = one
	return true
}

// open opens a part of the bytes, within lookTimeout. They are read when the call has its
// answer, until release.
func (c *call) open(content *attachment.Content, offset, length int64) (bytes *attachment.Bytes, err error) {
	ctx, end := context.WithCancel(c.downloading.ctx)
	late := time.AfterFunc(lookTimeout, end)
	bytes, err = c.cfg.Files.Open(ctx, content, offset, length)
	inTime := late.Stop()
	switch {
	case err == nil && !inTime:
		err = fmt.Errorf("%w: it took longer than %v", attachment.ErrBlobs, lookTimeout)
	case err == nil && bytes.Length != length:
		err = fmt.Errorf("%w: %s has not the bytes that its row says", attachment.ErrBlobs, content.Key)
	case err == nil:
		return bytes, nil // ctx ends with that of the download
	}
	if bytes != nil {
		_ = bytes.Close() // nothing was read
	}
	end()
	return nil, err
}

// failFile answers where the bytes cannot be read. A row goes after its bytes.
func (c *call) failFile(err error) {
	c.http.Response.Header.Del(fasthttp.HeaderETag)
	if errors.Is(err, attachment.ErrNoBytes) {
		c.refuse(errNotFound)
		return
	}
	c.unstored(err)
}

// part is which bytes are asked for: one range, unless the client has another version of the
// file. What is no range that is known here asks for all, and so does HEAD.
func (c *call) part(content *attachment.Content) (offset, length int64, status int) {
	size := content.Size
	asked := string(c.http.Request.Header.Peek(fasthttp.HeaderRange))
	if is := string(c.http.Request.Header.Peek(fasthttp.HeaderIfRange)); asked == "" || c.http.IsHead() || is != "" && is != content.Tag {
		return 0, size, fasthttp.StatusOK
	}
	spec, ok := strings.CutPrefix(asked, "bytes=")
	from, to, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, size, fasthttp.StatusOK
	}
	first, firstErr := strconv.ParseUint(from, 10, 62)
	last, lastErr := strconv.ParseUint(to, 10, 62)
	switch {
	case from == "" && lastErr == nil: // the last bytes
		n := min(int64(last), size)
		if n == 0 {
			return 0, 0, fasthttp.StatusRequestedRangeNotSatisfiable
		}
		return size - n, n, fasthttp.StatusPartialContent
	case firstErr != nil, to != "" && lastErr != nil, to != "" && last < first:
		return 0, size, fasthttp.StatusOK
	case int64(first) >= size:
		return 0, 0, fasthttp.StatusRequestedRangeNotSatisfiable
	case to == "" || int64(last) >= size:
		last = uint64(size - 1)
	}
	return int64(first), int64(last-first) + 1, fasthttp.StatusPartialContent
}

// writeFile writes the head, and then the bytes: the kernel takes them from the file, where they
// have one. A client that takes nothing for too long is given up.
func (c *call) writeFile(w *bufio.Writer) error {
	if err := c.http.Response.Header.Write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil || c.http.IsHead() {
		return err
	}
	var from io.Reader = c.sends
	if c.sends.File != nil {
		from = c.sends.File
	}
	left := c.sends.Length
	defer func() { c.cfg.Files.Served(c.sends.Length - left) }()
	for left > 0 {
		_ = c.in.SetWriteDeadline(time.Now().Add(writeTimeout))
		n, err := io.CopyN(c.in.Conn, from, min(left, sendBytes))
		left -= n
		if err != nil {
			return err
		}
	}
	return nil
}
