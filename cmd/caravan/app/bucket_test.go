package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	s3server "github.com/caravan-chat/caravan/bench/servers/s3"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/blob/s3"
)

// sharedBucket is the S3 server of all tests that need no fault of it. It ends with the process.
func sharedBucket(t *testing.T) *s3server.Server {
	t.Helper()
	s, err := oneBucket()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var oneBucket = sync.OnceValues(s3server.New)

// filesIn counts the files of a bucket below a prefix.
func filesIn(t *testing.T, url string) (n int) {
	t.Helper()
	c, err := s3.ParseURL(url, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	store, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestFilesAreKeptInABucket: they are served by it, or with proxy=true by the server, and go with
// their message. While the bucket's server is dead the chat goes on.
func TestFilesAreKeptInABucket(t *testing.T) {
	bucket := s3server.Start(t)
	for _, proxy := range []string{"false", "true"} {
		t.Run("proxy="+proxy, func(t *testing.T) {
			place := fmt.Sprintf("s3://%s/%s?endpoint=%s&proxy=%s", s3server.Bucket, proxy, bucket.Endpoint(), proxy)
			s := start(t, sqliteFile(t), "--attachments", place)
			photo := picture(t, 8, 6)
			a := s.upload(0, 0, "sea „1“.png", "image/png", photo)
			s.call(bearer(t, 0), "PUT", "/api/v1/chat/attachments/"+a.ID+"/preview/", picture(t, 4, 3), "Content-Type", "image/png")
			if n := filesIn(t, place); n != 2 {
				t.Errorf("%d files are in the bucket", n)
			}
			var m filed
			s.call(bearer(t, 0), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"attachments":[%q]}`, persist.FleetTrip(0), a.ID)).into(t, 201, &m)
			for _, url := range []string{m.Content, m.Attachments[0].PreviewURL} {
				got := s.call("", "GET", url, "")
				elsewhere := got.Request.URL.Host != s.app.Addr().String()
				if got.StatusCode != 200 || !strings.HasPrefix(string(got.body), "\x89PNG") || got.Header.Get("Content-Type") != "image/png" ||
					!strings.HasPrefix(got.Header.Get("Content-Disposition"), "inline;") || elsewhere != (proxy == "false") {
					t.Errorf("%d of %s with %d bytes, %v", got.StatusCode, got.Request.URL.Host, len(got.body), got.Header)
				}
			}
			if got := s.call("", "GET", m.Content, "", "Range", "bytes=1-3"); got.StatusCode != 206 || string(got.body) != "PNG" {
				t.Errorf("a part: %d %q", got.StatusCode, got.body)
			}
			if got := s.call(bearer(t, 0), "POST", uploadPath(0, "a.png"), photo[:len(photo)/2], "Content-Type", "image/png"); got.StatusCode != 415 {
				t.Errorf("half a photo: %d", got.StatusCode)
			}
			if n := filesIn(t, place); n != 2 {
				t.Errorf("after a bad upload %d files are in the bucket", n)
			}
			if err := bucket.Stop(); err != nil {
				t.Fatal(err)
			}
			if got := s.call(bearer(t, 0), "POST", uploadPath(0, "a.png"), photo, "Content-Type", "image/png"); got.StatusCode != 503 || got.code() != "unavailable" {
				t.Errorf("the bucket is away: %d %s", got.StatusCode, got.body)
			}
			s.post(0, persist.FleetTrip(0).String(), "the chat goes on")
			s.call(bearer(t, 0), "DELETE", "/api/v1/chat/messages/"+m.ID+"/", "").into(t, 200, &m)
			if got := s.call("", "GET", a.URL, ""); got.StatusCode != 404 {
				t.Errorf("the link of what was deleted: %d", got.StatusCode)
			}
			if err := bucket.Start(); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(3 * await.Limit); filesIn(t, place) != 0; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) { // a sweep that failed is done again after a minute
					t.Fatal("the bucket is not empty")
				}
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// TestTheStartWaitsForNoBucket: the chat is there while the bucket has not answered.
func TestTheStartWaitsForNoBucket(t *testing.T) {
	asked, gaveUp := make(chan struct{}), make(chan struct{})
	var once sync.Once
	bucket := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			close(asked)
			<-r.Context().Done()
			close(gaveUp)
		})
	}))
	defer bucket.Close()
	s := start(t, sqliteFile(t), "--attachments", "s3://bucket/?endpoint="+bucket.URL)
	await.Done(t, "the bucket is asked", asked)
	select {
	case <-gaveUp:
		t.Error("the server began when it had given up the bucket")
	default:
	}
	s.post(0, persist.FleetTrip(0).String(), "the chat goes on")
	s.shutDown()
	await.Done(t, "the end does not wait either", gaveUp)
}

// TestASlowBucketHoldsUpNobodyElse: uploads wait for it, and messages do not.
func TestASlowBucketHoldsUpNobodyElse(t *testing.T) {
	const many = 8
	answer, all := make(chan struct{}), make(chan struct{})
	var waiting atomic.Int64
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // whoever leaves is not answered
		if waiting.Add(1) == many {
			close(all)
		}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		w.Header().Set("ETag", `"tag"`)
	}))
	defer bucket.Close()
	s := start(t, sqliteFile(t), "--attachments", "s3://bucket/?endpoint="+bucket.URL, "--rate", "0")
	var uploads sync.WaitGroup
	for range many {
		uploads.Go(func() {
			if got := s.call(bearer(t, 0), "POST", uploadPath(0, "a.txt"), "slow", "Content-Type", "text/plain"); got.StatusCode != http.StatusCreated {
				t.Errorf("an upload: %d %s", got.StatusCode, got.body)
			}
		})
	}
	await.Done(t, "all uploads wait for the bucket", all)
	for i := range 20 {
		s.post(0, persist.FleetTrip(0).String(), fmt.Sprint("the chat goes on ", i))
	}
	if n := waiting.Load(); n != many {
		t.Errorf("%d uploads came to the bucket", n)
	}
	close(answer)
	uploads.Wait()
}

// TestThePageShowsPhotosOfABucket: a browser follows the redirect where the page lets it.
func TestThePageShowsPhotosOfABucket(t *testing.T) {
	bucket := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer bucket.Close()
	for proxy, want := range map[string]string{"false": "img-src 'self' " + bucket.URL + ";", "true": "img-src 'self';"} {
		s := start(t, sqliteFile(t), "--dev", "--attachments", "s3://bucket/?endpoint="+bucket.URL+"&proxy="+proxy)
		if got := s.call("", "GET", "/", ""); got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Content-Security-Policy"), want) {
			t.Errorf("proxy=%s: %d %v", proxy, got.StatusCode, got.Header)
		}
		s.shutDown()
	}
}
