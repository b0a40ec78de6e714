package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	s3server "github.com/caravan-chat/caravan/bench/servers/s3"
	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/persist/blob/blobtest"
	"github.com/caravan-chat/caravan/persist/blob/s3"
)

// keys are the environment of a store.
func keys(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": s3server.AccessKey, "AWS_SECRET_ACCESS_KEY": s3server.SecretKey}[name]
}

func open(t testing.TB, url string, getenv func(string) string) *s3.Store {
	t.Helper()
	c, err := s3.ParseURL(url, getenv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Two prefixes are two stores, which is how each test has an empty one.
func TestConformance(t *testing.T) {
	server := s3server.Start(t)
	n := 0
	blobtest.Run(t, func(t testing.TB) blob.Blob {
		n++
		return open(t, fmt.Sprintf("s3://%s/tests/%d?endpoint=%s", s3server.Bucket, n, server.Endpoint()), keys)
	})
}

func put(s *s3.Store, content []byte) error {
	_, err := s.Put(context.Background(), "k", bytes.NewReader(content), blob.SizeUnknown, "text/plain")
	return err
}

func get(s *s3.Store) ([]byte, error) {
	o, err := s.Get(context.Background(), "k", blob.Whole)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(o)
	return content, errors.Join(err, o.Close())
}

// Whatever is asked of a dead server. Once it is back it is as it was.
func TestADeadServerIsUnavailable(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, server.URL(), keys)
	content := blobtest.Random(1, 100_000)
	if err := put(s, content); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	_, getErr := get(s)
	var listErr error
	for _, listErr = range s.List(t.Context(), "") {
	}
	for name, err := range map[string]error{
		"Put": put(s, content), "Get": getErr, "Delete": s.Delete(t.Context(), "k"), "Check": s.Check(t.Context()), "List": listErr,
	} {
		if !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if got, err := get(s); err != nil || !bytes.Equal(got, content) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	if err := errors.Join(put(s, content), s.Check(t.Context())); err != nil {
		t.Error(err)
	}
}

// A server that is killed in the midst of a blob, and back soon, is asked again.
func TestPutOutlivesARestart(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, server.URL(), keys)
	content := blobtest.Random(1, 20<<20)
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- put(s, content) }()
	if err := errors.Join(server.Kill(), server.Start()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := get(s); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A frozen server keeps nobody longer than they want to wait.
func TestAFrozenServerEndsWithItsCaller(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, server.URL(), keys)
	if err := put(s, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	// It is frozen a moment after it is told to freeze.
	await.Until(t, "Get ends with its context", func() bool {
		return errors.Is(shortly(t, func(ctx context.Context) error {
			o, err := s.Get(ctx, "k", blob.Whole)
			if err == nil {
				err = o.Close()
			}
			return err
		}), context.DeadlineExceeded)
	})
	if err := shortly(t, func(ctx context.Context) error {
		_, err := s.Put(ctx, "k", bytes.NewReader([]byte("y")), 1, "")
		return err
	}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put: %v", err)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if got, err := get(s); err != nil || string(got) != "x" && string(got) != "y" { // what was given up may still arrive
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// shortly asks something that may take a moment only.
func shortly(t *testing.T, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	return ask(ctx)
}

// A bucket without room takes no half of a blob, and works again once there is room.
func TestAFullServerKeepsNothing(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, server.URL(), keys)
	content := blobtest.Random(1, 2<<20)
	if err := server.FillDisk(1 << 20); err != nil {
		t.Fatal(err)
	}
	if err := put(s, content); !errors.Is(err, blob.ErrFull) && !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("Put: %v", err)
	}
	if _, err := get(s); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := server.FreeDisk(); err != nil {
		t.Fatal(err)
	}
	if err := put(s, content); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestWhoMayNotIsUnavailable(t *testing.T) {
	server := s3server.Start(t)
	for name, s := range map[string]*s3.Store{
		"wrong user": open(t, server.URL(), func(name string) string { return keys(name) + "wrong" }),
		"wrong secret": open(t, server.URL(), func(name string) string {
			if name == "AWS_SECRET_ACCESS_KEY" {
				return "wrong"
			}
			return keys(name)
		}),
		"no bucket": open(t, "s3://other-bucket/?endpoint="+server.Endpoint(), keys),
	} {
		_, getErr := get(s)
		for what, err := range map[string]error{"Put": put(s, []byte("x")), "Get": getErr, "Check": s.Check(t.Context())} {
			if !errors.Is(err, blob.ErrUnavailable) || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// A bucket that goes away while it is used is not an absent blob.
func TestABucketThatIsGone(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, server.URL(), keys)
	if err := errors.Join(put(s, []byte("x")), os.RemoveAll(server.BucketDir())); err != nil {
		t.Fatal(err)
	}
	_, getErr := get(s)
	for what, err := range map[string]error{"Put": put(s, []byte("x")), "Get": getErr, "Delete": s.Delete(t.Context(), "k"), "Check": s.Check(t.Context())} {
		if !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What else is in the bucket is nobody's blob.
func TestAnothersObjectsAreNotListed(t *testing.T) {
	server := s3server.Start(t)
	s := open(t, "s3://"+s3server.Bucket+"/a?endpoint="+server.Endpoint(), keys)
	if err := errors.Join(put(s, []byte("x")), put(open(t, server.URL(), keys), []byte("y"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(server.BucketDir(), "a", "README.TXT"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for info, err := range s.List(t.Context(), "") {
		if n++; err != nil || info.Key != "k" || info.Size != 1 {
			t.Errorf("%+v, %v", info, err)
		}
	}
	if n != 1 {
		t.Errorf("%d listed", n)
	}
}

// TestMemoryIsBounded: of many blobs at once, in the midst of each, and with the server's own. It does
// not grow with what is stored, known size or not.
func TestMemoryIsBounded(t *testing.T) {
	const many, length, most = 16, 4 << 20, 128 << 10 // 64 of them are to take 8 MiB
	var half, all sync.WaitGroup
	half.Add(many)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, length/2) // Put says where it fails
		half.Done()
		<-release
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"tag"`)
	}))
	defer server.Close()
	s := open(t, "s3://bucket/?endpoint="+server.URL, keys)
	before := live()
	for i := range many {
		all.Go(func() {
			if _, err := s.Put(t.Context(), fmt.Sprint(i), io.LimitReader(zeros{}, length), []int64{length, blob.SizeUnknown}[i%2], ""); err != nil {
				t.Error(err)
			}
		})
	}
	half.Wait()
	if used := (live() - before) / many; used > most {
		t.Errorf("each takes %d bytes of memory", used)
	}
	close(release)
	all.Wait()
}

// live is how much memory is in use.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What servers say when they have no room, or no time: the real one here cannot be made to.
func TestAnswersHaveNames(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   error
	}{
		{http.StatusForbidden, "QuotaExceeded", blob.ErrFull}, {http.StatusInsufficientStorage, "InsufficientStorage", blob.ErrFull},
		{http.StatusInsufficientStorage, "XMinioStorageFull", blob.ErrFull}, {http.StatusConflict, "XMinioAdminBucketQuotaExceeded", blob.ErrFull},
		{http.StatusForbidden, "AccessDenied", blob.ErrUnavailable}, {http.StatusNotFound, "NoSuchBucket", blob.ErrUnavailable},
		{http.StatusServiceUnavailable, "SlowDown", blob.ErrUnavailable}, {http.StatusInternalServerError, "InternalError", blob.ErrUnavailable},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what matters is the answer
			w.WriteHeader(c.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.code)
		}))
		s := open(t, "s3://bucket/?endpoint="+server.URL, keys)
		if err := put(s, []byte("x")); !errors.Is(err, c.want) {
			t.Errorf("%d %s: %v", c.status, c.code, err)
		}
		server.Close()
	}
}

// TestAServerWithoutRangesIsNotBelieved: its whole would be taken for the part.
func TestAServerWithoutRangesIsNotBelieved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
		w.Header().Set("ETag", `"tag"`)
		_, _ = io.WriteString(w, "the whole")
	}))
	defer server.Close()
	s := open(t, "s3://bucket/?endpoint="+server.URL, keys)
	if o, err := s.Get(t.Context(), "a", blob.Range{Offset: 4, Length: 5}); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("%v, %v", o, err)
	}
	o, err := s.Get(t.Context(), "a", blob.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if all, err := io.ReadAll(o); err != nil || string(all) != "the whole" {
		t.Errorf("%q, %v", all, err)
	}
}

// Nothing is left in the directory of temporary files, whatever came of a blob.
func TestNoTemporaryFileIsLeft(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := open(t, "s3://bucket/?endpoint=http://127.0.0.1:1", keys)
	if err := put(s, []byte("x")); !errors.Is(err, blob.ErrUnavailable) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "gone"))
	if err := put(s, []byte("x")); !errors.Is(err, blob.ErrUnavailable) {
		t.Error(err)
	}
}

// Close ends the connections that are kept.
func TestCloseEndsConnections(t *testing.T) {
	server := s3server.Start(t)
	before := runtime.NumGoroutine()
	c, err := s3.ParseURL(server.URL(), keys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(put(s, []byte("x")), s.Close()); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the goroutines of its connections end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestACheckNeedsAPlaceForUploads: an image may have no directory of temporary files.
func TestACheckNeedsAPlaceForUploads(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	store, err := s3.Open(s3.Config{Endpoint: "127.0.0.1:1", Insecure: true, Bucket: "files", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, blob.ErrUnavailable) || !strings.Contains(err.Error(), "temporary files") {
		t.Errorf("got %v", err)
	}
}
