package rest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
	"github.com/caravan-chat/caravan/room/rest"
)

// oneRow is a store of one file.
type oneRow struct {
	room.AttachmentStore
	row room.StoredAttachment
}

func (o *oneRow) Attachment(context.Context, uuid.UUID) (room.StoredAttachment, error) {
	return o.row, nil
}

func (o *oneRow) LeaseAttachments(context.Context, time.Duration, time.Duration, int) ([]room.StoredAttachment, error) {
	return nil, nil
}

// bucket is a store of files that are far away: they end with the context in which they were asked
// for. It may answer late, or have another place for them.
type bucket struct {
	keptBytes
	answer chan struct{} // nil: at once
	place  string
}

func (b *bucket) Get(ctx context.Context, key string, offset, length int64) (*attachment.Bytes, error) {
	if b.answer != nil {
		select {
		case <-b.answer:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	got, err := b.keptBytes.Get(ctx, key, offset, length)
	if err == nil {
		got.ReadCloser = lasting{ctx, got.ReadCloser}
	}
	return got, err
}

func (b *bucket) Presign(context.Context, string, time.Duration, string, string) (string, error) {
	return b.place, nil
}

// lasting is read as long as its context lasts.
type lasting struct {
	ctx context.Context
	io.ReadCloser
}

func (l lasting) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.ReadCloser.Read(p)
}

// endless is a store of files whose bytes do not come before it is over.
type endless struct {
	keptBytes
	over chan struct{}
}

func (e *endless) Get(ctx context.Context, _ string, _, length int64) (*attachment.Bytes, error) {
	return &attachment.Bytes{ReadCloser: io.NopCloser(waiting{ctx, e.over}), Length: length, Size: 100}, nil
}

type waiting struct {
	ctx  context.Context
	over chan struct{}
}

func (w waiting) Read([]byte) (int, error) {
	select {
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	case <-w.over:
		return 0, io.ErrUnexpectedEOF
	}
}

// getFrom asks for a file from an address of this machine, and returns its connection and the
// answer's status.
func (n *node) getFrom(t *testing.T, address, path string) (net.Conn, int) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, got.StatusCode // nobody takes its body
}

// TestDownloadsOfOneAddressGiveWay to another's, down to as many as that has: a link, which needs no
// token, does not give anybody all places.
func TestDownloadsOfOneAddressGiveWay(t *testing.T) {
	b := &endless{over: make(chan struct{})}
	files, path := serviceOf(t, 100, b)
	n := start(t, newChat(0), func(cfg *rest.Config) { cfg.Files, cfg.Limits.Connections = files, 8 })
	t.Cleanup(func() { close(b.over) })
	const most, attacker, member = 4, "127.0.0.2", "127.0.0.3"
	var first net.Conn
	for range most {
		conn, status := n.getFrom(t, attacker, path)
		if status != http.StatusOK {
			t.Errorf("%d", status)
		}
		if first == nil {
			first = conn
		}
	}
	for i, c := range []struct {
		address string
		status  int
	}{{attacker, 503}, {member, 200}, {attacker, 503}, {member, 200}, {member, 503}} {
		if _, status := n.getFrom(t, c.address, path); status != c.status {
			t.Errorf("%d: %s is answered %d", i, c.address, status)
		}
	}
	_ = first.SetReadDeadline(time.Now().Add(await.Limit))
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the attacker's first one goes on: %v", err)
	}
	if st := n.Stats(); st.DownloadsCut != 2 || st.Crowded[rest.CrowdedDownloads] != 3 {
		t.Errorf("%+v", st)
	}
}

// oneFile is a file of so many bytes, its store, and the path of its link.
func oneFile(t *testing.T, size int, b *bucket) (files *attachment.Service, path string) {
	t.Helper()
	b.kept = map[string][]byte{"key": []byte(strings.Repeat("a", size))}
	return serviceOf(t, size, b)
}

// serviceOf serves one file of a store, and returns the path of its link.
func serviceOf(t *testing.T, size int, b attachment.Blobs) (files *attachment.Service, path string) {
	t.Helper()
	row := room.StoredAttachment{Key: "key", State: room.AttachmentReady, Attachment: protocol.Attachment{ID: uuid.New(), Name: "a.txt", MIME: "text/plain", Size: int64(size)}}
	links := attachment.NewLinks([]byte("key"), "", time.Hour)
	types, _ := media.ParseAllowed(media.DefaultTypes)
	files = attachment.New(&oneRow{row: row}, b, attachment.Config{BytesMax: 25 << 20, Types: types, Links: links, SweepEvery: time.Hour})
	t.Cleanup(files.Close)
	return files, string(links.AppendLink(nil, &row.Attachment, links.End()))
}

func (o *oneRow) AddAttachment(context.Context, *room.StoredAttachment) error { return nil }
func (o *oneRow) LoseAttachment(context.Context, uuid.UUID, time.Duration) error {
	return nil
}
func (o *oneRow) ForgetAttachments(context.Context, []uuid.UUID) error { return nil }

func (o *oneRow) ReadyAttachment(context.Context, *room.StoredAttachment, int64) error {
	return nil
}

// TestUploadsOfOneUserGiveWay where others wait: it is told as what it is, and may come again.
func TestUploadsOfOneUserGiveWay(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/", "") // fasthttp keeps a clock for all of the process, which is no part of the bubble
	synctest.Test(t, func(t *testing.T) {
		files, _ := oneFile(t, 100, &bucket{})
		c := newChat(0)
		c.authenticate = func(bearer string) (token.Identity, error) {
			return token.Identity{User: uuid.NewSHA1(uuid.Nil, []byte(bearer)), Expires: time.Now().Add(time.Hour)}, nil
		}
		c.access = func(user, _ uuid.UUID) (room.Access, error) {
			return room.Access{UserKnown: true, User: protocol.User{ID: user}, Allowed: true, May: protocol.MayDefault, Room: c.place}, nil
		}
		p := startPipes(t, c, func(cfg *rest.Config) { cfg.Files, cfg.Limits = files, rest.DefaultLimits(256) })
		upload := func(user, length string) string {
			return "POST /api/v1/chat/rooms/" + c.place.ID.String() + "/attachments/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + user + "\r\n" +
				"Content-Type: text/plain\r\nContent-Length: " + length + "\r\n\r\nsome"
		}
		first, in := p.come(upload("a", "1000"))
		for i := range attachment.UploadsMax - 1 {
			p.come(upload([]string{"a", "b"}[(i+1)%2], "1000"))
		}
		p.come(upload("c", "4"), 201)
		p.send(first, in, "", 503)
		if st := files.Stats(); st.UploadsNow != attachment.UploadsMax-1 || p.Stats().Crowded[rest.CrowdedUploads] != 1 {
			t.Errorf("%+v, %+v", st, p.Stats())
		}
	})
}

// TestAnUploadMayNotStopForLong, whatever it has sent before.
func TestAnUploadMayNotStopForLong(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/", "") // fasthttp keeps a clock for all of the process, which is no part of the bubble
	synctest.Test(t, func(t *testing.T) {
		files, _ := oneFile(t, 100, &bucket{})
		c := newChat(0)
		p := startPipes(t, c, func(cfg *rest.Config) { cfg.Files = files })
		begun := time.Now()
		p.come("POST /api/v1/chat/rooms/"+c.place.ID.String()+"/attachments/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n"+
			"Content-Type: text/plain\r\nContent-Length: 2000000\r\n\r\n"+strings.Repeat("a", 1<<20), 408)
		if took := time.Since(begun); took > 25*time.Second {
			t.Errorf("it was given up after %v", took)
		}
	})
}

// silent is a bucket that takes all and says nothing.
type silent struct{ bucket }

func (*silent) Put(_ context.Context, _ string, r io.Reader, _ string) (int64, error) {
	_, err := io.Copy(io.Discard, r)
	return 0, errors.Join(attachment.ErrBlobs, os.ErrDeadlineExceeded, err)
}

// TestABucketThatTakesTooLongIsNoSlowClient: it is told so.
func TestABucketThatTakesTooLongIsNoSlowClient(t *testing.T) {
	files, _ := serviceOf(t, 100, &silent{})
	c := newChat(0)
	n := start(t, c, func(cfg *rest.Config) { cfg.Files = files })
	if got := n.ask(t, "POST", "/api/v1/chat/rooms/"+c.place.ID.String()+"/attachments/", "a text", "Content-Type", "text/plain"); got.StatusCode != http.StatusServiceUnavailable || got.code() != "unavailable" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestAFileOfABucketIsSentWhole(t *testing.T) {
	const size = 1 << 20
	files, path := oneFile(t, size, &bucket{})
	n := start(t, newChat(0), func(cfg *rest.Config) { cfg.Files = files })
	if got := n.ask(t, "GET", path, ""); got.StatusCode != http.StatusOK || len(got.body) != size {
		t.Errorf("%d with %d bytes", got.StatusCode, len(got.body))
	}
}

// TestAFileThatIsCutShortIsNotSent: the client would take the next answer for the rest of it.
func TestAFileThatIsCutShortIsNotSent(t *testing.T) {
	b := &bucket{}
	files, path := oneFile(t, 100, b)
	b.kept["key"] = b.kept["key"][:50]
	n := start(t, newChat(0), func(cfg *rest.Config) { cfg.Files = files })
	if got := n.ask(t, "GET", path, ""); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d with %d bytes", got.StatusCode, len(got.body))
	}
}

// TestHEADOfAFileInABucketIsAnsweredHere: what the bucket has signed is for GET.
func TestHEADOfAFileInABucketIsAnsweredHere(t *testing.T) {
	files, path := oneFile(t, 100, &bucket{place: "http://bucket.example/key"})
	n := start(t, newChat(0), func(cfg *rest.Config) { cfg.Files = files })
	get, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+n.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultTransport.RoundTrip(get) // which goes nowhere else
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusFound || got.Header.Get("Cache-Control") != "private, max-age=240" {
		t.Errorf("GET: %d %v", got.StatusCode, got.Header)
	}
	if got := n.ask(t, "HEAD", path, "", "Range", "bytes=0-9"); got.StatusCode != http.StatusOK || got.Header.Get("Content-Length") != "100" || got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

// TestFilesKeepNobodyOut: neither while their store is slow, nor while they are sent. One that does
// not come is given up.
func TestFilesKeepNobodyOut(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/", "") // fasthttp keeps a clock for all of the process, which is no part of the bubble
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{answer: make(chan struct{})}
		files, path := oneFile(t, 1<<20, b)
		p := startPipes(t, newChat(0), func(cfg *rest.Config) {
			cfg.Files, cfg.Limits.Connections, cfg.Limits.Requests = files, 6, 1
		})
		get := "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
		slow, in := p.come(get)
		p.come(goodGet, 200)
		time.Sleep(11 * time.Second) // the store had ten
		p.send(slow, in, "", 503)
		close(b.answer)
		for range 3 {
			_, in := p.come(get)
			if got, err := http.ReadResponse(in, nil); err != nil || got.StatusCode != http.StatusOK { // nobody takes its body
				t.Error(got, err)
			}
		}
		p.come(get, 503)
		p.come(goodGet, 200)
		if n := p.Stats().Crowded[rest.CrowdedDownloads]; n != 1 {
			t.Errorf("%d downloads were refused", n)
		}
	})
}
