package attachment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
)

// memory keeps bytes as long as the test runs.
type memory struct {
	mu    sync.Mutex
	bytes map[string][]byte
}

func (m *memory) Put(ctx context.Context, key string, r io.Reader, _ string) (int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bytes == nil {
		m.bytes = make(map[string][]byte)
	}
	m.bytes[key] = b
	return int64(len(b)), ctx.Err()
}

func (m *memory) Get(_ context.Context, key string, offset, length int64) (*attachment.Bytes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bytes[key]
	if !ok {
		return nil, attachment.ErrNoBytes
	}
	if b = b[offset:]; length >= 0 {
		b = b[:length]
	}
	return &attachment.Bytes{ReadCloser: io.NopCloser(bytes.NewReader(b)), Length: int64(len(b))}, nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.bytes, key)
	return nil
}

func (m *memory) Presign(context.Context, string, time.Duration, string, string) (string, error) {
	return "", nil
}

// store is what both stores are.
type store interface {
	room.Store
	room.AttachmentStore
	persist.Seeder
}

// eachStore runs a test on both stores, with an application beside it.
func eachStore(t *testing.T, test func(t *testing.T, s store)) {
	quiet := slog.New(slog.DiscardHandler)
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), postgres.Config{URL: migrated.Postgres(t, pgserver.Shared(t)), Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, s)
	})
}

// world is one room of one user, and bytes beside it.
type world struct {
	t     *testing.T
	store store
	user  protocol.User
	in    room.Info
	bytes memory
}

func newWorld(t *testing.T, s store) *world {
	t.Helper()
	seeds := persist.Fleet(1, 1)
	if err := s.Seed(t.Context(), seeds); err != nil {
		t.Fatal(err)
	}
	access, err := s.Access(t.Context(), []room.AccessQuestion{{User: seeds.Users[0].ID, Place: seeds.Trips[0].ID, TripOnly: true}})
	if err != nil || !access[0].Allowed {
		t.Fatal(access, err)
	}
	return &world{t: t, store: s, user: seeds.Users[0], in: access[0].Room}
}

func service(t *testing.T, rows room.AttachmentStore, bytes attachment.Blobs, scanner ...string) *attachment.Service {
	t.Helper()
	types, _ := media.ParseAllowed(media.DefaultTypes)
	s := attachment.New(rows, bytes, attachment.Config{
		BytesMax: 1 << 20, Types: types, Links: attachment.NewLinks([]byte("key"), "", time.Hour), SweepEvery: time.Hour, ScanURL: strings.Join(scanner, ""),
	})
	t.Cleanup(s.Close)
	return s
}

func (w *world) upload(s *attachment.Service) (protocol.Attachment, error) {
	return s.Upload(w.t.Context(), &attachment.Upload{Room: w.in.ID, User: w.user.ID, Name: "a.png", Type: "image/png", Length: int64(len(photo)), Body: strings.NewReader(photo)})
}

func (w *world) preview(s *attachment.Service, id uuid.UUID) error {
	of, err := s.Found(w.t.Context(), id)
	if err == nil {
		_, err = s.Preview(w.t.Context(), of, &attachment.Upload{User: w.user.ID, Type: "image/png", Length: int64(len(photo)), Body: strings.NewReader(photo)})
	}
	return err
}

var photo = func() string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 3))); err != nil {
		panic(err)
	}
	return b.String()
}()

// do appends an op that must be stored.
func (w *world) do(in protocol.Intent) *room.Op {
	w.t.Helper()
	op := &room.Op{Intent: in, Row: uuid.New(), Room: w.in.ID, Trip: w.in.TripID, Sender: w.user, May: protocol.MayAll, At: time.Now().UTC().Truncate(time.Microsecond)}
	if op.Kind == protocol.KindMessage {
		op.Row = op.MessageID
	}
	if err := w.store.Append(w.t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
		w.t.Fatal(op.Outcome, op.Err, err)
	}
	return op
}

// errDead is what a process says that was killed: nothing.
var errDead = errors.New("killed")

// mortal is a store of rows and of bytes as a process sees them that dies at a step.
type mortal struct {
	room.AttachmentStore
	blobs *memory

	mu    sync.Mutex
	left  int // steps
	how   death
	hit   bool // the step has come
	steps int
}

// death says how a process dies at a step.
type death string

const (
	before death = "before it"
	after  death = "after it"
	unsaid death = "nobody hears of it" // it lives, and takes the step for one that was not done
)

// step says whether to take the next step, and what to answer.
func (m *mortal) step(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hit && m.how != unsaid {
		return errDead
	}
	m.steps++
	m.left--
	if m.left != 0 {
		return do()
	}
	if m.hit = true; m.how != before {
		_ = do()
	}
	return errDead
}

func (m *mortal) AddAttachment(ctx context.Context, a *room.StoredAttachment) error {
	return m.step(func() error { return m.AttachmentStore.AddAttachment(ctx, a) })
}

func (m *mortal) ReadyAttachment(ctx context.Context, a *room.StoredAttachment, quota int64) error {
	return m.step(func() error { return m.AttachmentStore.ReadyAttachment(ctx, a, quota) })
}

func (m *mortal) PreviewAttachment(ctx context.Context, id uuid.UUID, p *room.StoredAttachment, quota int64) error {
	return m.step(func() error { return m.AttachmentStore.PreviewAttachment(ctx, id, p, quota) })
}

func (m *mortal) LoseAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) error {
	return m.step(func() error { return m.AttachmentStore.LoseAttachment(ctx, id, lease) })
}

func (m *mortal) LeaseAttachments(ctx context.Context, unused, lease time.Duration, limit int) (all []room.StoredAttachment, err error) {
	err = m.step(func() error {
		all, err = m.AttachmentStore.LeaseAttachments(ctx, unused, 0, limit) // the next one need not wait
		return err
	})
	return all, err
}

func (m *mortal) ForgetAttachments(ctx context.Context, ids []uuid.UUID) error {
	return m.step(func() error { return m.AttachmentStore.ForgetAttachments(ctx, ids) })
}

func (m *mortal) Put(ctx context.Context, key string, r io.Reader, mime string) (n int64, err error) {
	err = m.step(func() error {
		n, err = m.blobs.Put(ctx, key, r, mime)
		return err
	})
	return n, err
}

func (m *mortal) Get(ctx context.Context, key string, offset, length int64) (*attachment.Bytes, error) {
	return m.blobs.Get(ctx, key, offset, length)
}

func (m *mortal) Delete(ctx context.Context, key string) error {
	return m.step(func() error { return m.blobs.Delete(ctx, key) })
}

func (m *mortal) Presign(context.Context, string, time.Duration, string, string) (string, error) {
	return "", nil
}

// life is all that happens to a file: it comes, gets a preview and another one, is sent,
// deleted, and swept. It goes on with what is still possible.
func (w *world) life(s *attachment.Service) {
	defer s.Close() // its own sweep comes after ten seconds
	a, err := w.upload(s)
	if err != nil {
		return
	}
	_ = w.preview(s, a.ID) // killed, perhaps
	_ = w.preview(s, a.ID)
	sent := w.do(protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.New(), Type: protocol.TypeFile, Extra: &protocol.Extra{Attachments: []protocol.Attachment{{ID: a.ID}}}})
	w.mustAgree("sent")
	w.do(protocol.Intent{Kind: protocol.KindDelete, MessageID: sent.MessageID})
	_ = s.Sweep(w.t.Context())
}

// mustAgree checks that what is ready has its bytes, and that all bytes have rows.
func (w *world) mustAgree(when string) {
	w.t.Helper()
	rows, err := w.store.Attachments(w.t.Context(), uuid.Nil, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, a := range rows {
		known[a.Key], known[a.PreviewKey] = true, true
		for _, key := range []string{a.Key, a.PreviewKey} {
			if _, err := w.bytes.Get(w.t.Context(), key, 0, -1); a.State == room.AttachmentReady && key != "" && err != nil {
				w.t.Errorf("%s: a row that is ready has no bytes: %v", when, err)
			}
		}
	}
	for key := range w.bytes.bytes {
		if !known[key] {
			w.t.Errorf("%s: the bytes %s have no row", when, key)
		}
	}
}

// TestWhoIsKilledLeavesNothingBehind: at each step, before and after it. What is left has a row,
// and is gone after a sweep.
func TestWhoIsKilledLeavesNothingBehind(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorld(t, s)
		count := &mortal{AttachmentStore: s, blobs: &w.bytes}
		w.life(service(t, count, count))
		if len(w.bytes.bytes) != 0 || count.steps < 12 {
			t.Fatalf("after a life without a death %d are left, in %d steps", len(w.bytes.bytes), count.steps)
		}
		for n := 1; n <= count.steps; n++ {
			for _, how := range []death{before, after, unsaid} {
				name := fmt.Sprintf("step %d, %s", n, how)
				m := &mortal{AttachmentStore: s, blobs: &w.bytes, left: n, how: how}
				w.life(service(t, m, m))
				if !m.hit {
					t.Errorf("%s: it lives", name)
				}
				w.mustAgree(name)
				w.sweepAll()
				if rows, err := s.Attachments(t.Context(), uuid.Nil, 1000); err != nil || len(rows)+len(w.bytes.bytes) != 0 {
					t.Errorf("%s: the sweep leaves %d rows and %d bytes, %v", name, len(rows), len(w.bytes.bytes), err)
				}
			}
		}
	})
}

// impatient is a store whose day is over.
type impatient struct{ room.AttachmentStore }

func (i impatient) LeaseAttachments(ctx context.Context, _, lease time.Duration, limit int) ([]room.StoredAttachment, error) {
	return i.AttachmentStore.LeaseAttachments(ctx, 0, lease, limit)
}

// sweepAll is the sweep of another node, a day later.
func (w *world) sweepAll() {
	w.t.Helper()
	s := service(w.t, impatient{w.store}, &w.bytes)
	if err := s.Sweep(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	s.Close()
}

// poisoned is a store of files some of which cannot be deleted.
type poisoned struct {
	*memory
	keys map[string]bool
}

func (p poisoned) Delete(ctx context.Context, key string) error {
	if p.keys[key] {
		return attachment.ErrBlobs
	}
	return p.memory.Delete(ctx, key)
}

// TestWhatCannotBeDeletedKeepsNothingElse: neither one, nor the oldest that one sweep takes at once.
func TestWhatCannotBeDeletedKeepsNothingElse(t *testing.T) {
	eachStore(t, func(t *testing.T, rows store) {
		w := newWorld(t, rows)
		bytes := poisoned{&w.bytes, make(map[string]bool)}
		s := service(t, impatient{rows}, bytes)
		for i := range 5 {
			a, err := w.upload(s)
			if err != nil {
				t.Fatal(err)
			}
			bytes.keys[a.ID.String()] = i < 2
		}
		if err := s.Sweep(t.Context()); !errors.Is(err, attachment.ErrBlobs) {
			t.Error(err)
		}
		left, err := rows.Attachments(t.Context(), uuid.Nil, 10)
		if err != nil || len(left) != 2 || len(w.bytes.bytes) != 2 {
			t.Errorf("%d rows and %d bytes are left, want those two, %v", len(left), len(w.bytes.bytes), err)
		}
	})
}

// TestAPreviewIsScanned as its file is.
func TestAPreviewIsScanned(t *testing.T) {
	eachStore(t, func(t *testing.T, rows store) {
		w := newWorld(t, rows)
		answers := []int{http.StatusOK, http.StatusNotAcceptable, http.StatusOK}
		scanner := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if body, err := io.ReadAll(r.Body); err != nil || string(body) != photo || r.Header.Get("Content-Type") != "image/png" {
				t.Errorf("the scanner sees %d bytes, %v, %v", len(body), r.Header, err)
			}
			rw.WriteHeader(answers[0])
			answers = answers[1:]
		}))
		defer scanner.Close()
		s := service(t, rows, &w.bytes, scanner.URL)
		a, err := w.upload(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.preview(s, a.ID); !errors.Is(err, attachment.ErrRejected) {
			t.Errorf("a preview that the scanner rejects: %v", err)
		}
		if is, err := rows.Attachment(t.Context(), a.ID); err != nil || is.Preview || len(w.bytes.bytes) != 1 {
			t.Errorf("the file has a preview: %v, of %d, %v", is.Preview, len(w.bytes.bytes), err)
		}
		if err := w.preview(s, a.ID); err != nil || len(answers) != 0 {
			t.Errorf("the next one: %v, %d scans are left", err, len(answers))
		}
	})
}

// TestWhoLeavesDuringAScanIsNoFailureOfIt: an alert may look at these.
func TestWhoLeavesDuringAScanIsNoFailureOfIt(t *testing.T) {
	eachStore(t, func(t *testing.T, rows store) {
		w := newWorld(t, rows)
		ctx, leave := context.WithCancel(t.Context())
		scanner := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what matters is that it has come
			leave()
			<-r.Context().Done()
		}))
		defer scanner.Close()
		s := service(t, rows, &w.bytes, scanner.URL)
		_, err := s.Upload(ctx, &attachment.Upload{Room: w.in.ID, User: w.user.ID, Name: "a.png", Type: "image/png", Length: int64(len(photo)), Body: strings.NewReader(photo)})
		if !errors.Is(err, context.Canceled) || s.Stats().ScanFailures != 0 || len(w.bytes.bytes) != 0 {
			t.Errorf("%v, %d failures, %d bytes are left", err, s.Stats().ScanFailures, len(w.bytes.bytes))
		}
	})
}

// away is a store of files that fails.
type away struct{ *memory }

func (away) Put(_ context.Context, _ string, r io.Reader, _ string) (int64, error) {
	_, _ = io.CopyN(io.Discard, r, 10)
	return 0, attachment.ErrBlobs
}

// TestAFullDiskIsNobodysFault: the upload fails, and leaves nothing; so does one whose client leaves.
func TestAFullDiskIsNobodysFault(t *testing.T) {
	eachStore(t, func(t *testing.T, rows store) {
		w := newWorld(t, rows)
		var lease time.Duration
		full := service(t, hasty{rows, &lease}, away{&w.bytes})
		if _, err := w.upload(full); !errors.Is(err, attachment.ErrBlobs) {
			t.Error(err)
		}
		if err := full.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		s := service(t, rows, &w.bytes)
		gone := errors.New("the client is gone")
		_, err := s.Upload(t.Context(), &attachment.Upload{
			Room: w.in.ID, User: w.user.ID, Name: "a", Length: 1000,
			Body: io.MultiReader(strings.NewReader(strings.Repeat("a", 900)), errReader{gone}),
		})
		if !errors.Is(err, gone) {
			t.Error(err)
		}
		if left, err := rows.Attachments(t.Context(), uuid.Nil, 10); err != nil || len(left)+len(w.bytes.bytes) != 0 {
			t.Errorf("left are %v and %d bytes, %v", left, len(w.bytes.bytes), err)
		}
		if st := s.Stats(); st.Failed != 1 || st.Uploads != 0 {
			t.Errorf("%+v", st)
		}
	})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// noRows is a store of which nothing is asked.
type noRows struct{ room.AttachmentStore }

func (noRows) LeaseAttachments(context.Context, time.Duration, time.Duration, int) ([]room.StoredAttachment, error) {
	return nil, nil
}

// TestUploadsHaveTheirTurn: so many of a user, so many of all, and the others wait for a while.
func TestUploadsHaveTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := attachment.New(noRows{}, nil, attachment.Config{SweepEvery: time.Hour})
		defer s.Close()
		a, b, c := uuid.New(), uuid.New(), uuid.New()
		var done []func()
		for _, user := range []uuid.UUID{a, b} {
			for range attachment.UploadsUserMax {
				end, err := s.Turn(t.Context(), user, func() {})
				if err != nil {
					t.Fatal(err)
				}
				done = append(done, end)
			}
		}
		if _, err := s.Turn(t.Context(), a, func() {}); !errors.Is(err, attachment.ErrUserCrowded) {
			t.Errorf("one too many of a user: %v", err)
		}
		if _, err := s.Turn(t.Context(), c, func() {}); !errors.Is(err, attachment.ErrCrowded) {
			t.Errorf("one too many of all: %v", err)
		}
		waited := make(chan error)
		go func() {
			end, err := s.Turn(t.Context(), c, func() {})
			if err == nil {
				end()
			}
			waited <- err
		}()
		synctest.Wait()
		if st := s.Stats(); st.UploadsNow != attachment.UploadsMax || st.WaitingNow != 1 {
			t.Errorf("%+v", st)
		}
		done[0]()
		if err := <-waited; err != nil {
			t.Errorf("who waits gets the next turn: %v", err)
		}
		for _, end := range done[1:] {
			end()
		}
		if st := s.Stats(); st.UploadsNow != 0 || st.WaitingNow != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestLinksStayTheSameForAWhile: what many are told has the same bytes for half the time, and every
// link works for all of it.
func TestLinksStayTheSameForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ttl = time.Hour
		links := attachment.NewLinks([]byte("key"), "", ttl)
		a := &protocol.Attachment{ID: uuid.New(), Name: `a b"\ü%/?.png`}
		other := attachment.NewLinks([]byte("another key"), "", ttl)
		seen := make(map[string]int)
		for range 24 {
			end := links.End()
			link := string(links.AppendLink(nil, a, end))
			if left := time.Until(time.Unix(end, 0)); left < ttl || left > ttl+ttl/2 {
				t.Errorf("a link works for %v", left)
			}
			if strings.ContainsAny(link, ` "\ü`) {
				t.Errorf("the link %s needs escapes", link)
			}
			_, query, _ := strings.Cut(link, "?e=")
			e, s, _ := strings.Cut(query, "&s=")
			if !links.Works(a.ID, e, s) || links.Works(uuid.New(), e, s) || other.Works(a.ID, e, s) {
				t.Errorf("the link %s is not judged as it should be", link)
			}
			seen[link]++
			time.Sleep(ttl / 12)
		}
		if len(seen) < 4 || len(seen) > 5 {
			t.Errorf("%d links in two hours", len(seen))
		}
		for link := range seen {
			_, query, _ := strings.Cut(link, "?e=")
			e, s, _ := strings.Cut(query, "&s=")
			if want := strings.Contains(link, fmt.Sprint(links.End())); links.Works(a.ID, e, s) != want && want {
				t.Errorf("the link %s works no more", link)
			}
		}
		time.Sleep(2 * ttl)
		for link := range seen {
			_, query, _ := strings.Cut(link, "?e=")
			if e, s, _ := strings.Cut(query, "&s="); links.Works(a.ID, e, s) {
				t.Errorf("the link %s works for ever", link)
			}
		}
	})
}

// BenchmarkThreeAttachments is what files add to the making of a message's object.
func BenchmarkThreeAttachments(b *testing.B) {
	plain := protocol.Message{ID: uuid.New(), RoomID: uuid.New(), Sender: protocol.User{ID: uuid.New(), Email: "a@example.com"}, Content: "at the sea", Type: protocol.TypeFile}
	files := plain
	files.Extra = &protocol.Extra{Links: attachment.NewLinks([]byte("key"), "", time.Hour)}
	for range 3 {
		files.Extra.Attachments = append(files.Extra.Attachments, protocol.Attachment{ID: uuid.New(), Name: "IMG_20260102_030405.jpg", MIME: "image/jpeg", Size: 3_000_000, Width: 4000, Height: 3000, Preview: true})
	}
	for name, m := range map[string]*protocol.Message{"none": &plain, "three": &files} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 8<<10)
			for b.Loop() {
				dst = protocol.AppendMessage(dst[:0], m)
			}
		})
	}
}
