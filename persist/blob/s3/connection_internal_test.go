package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/persist/blob"
)

// A server that is silent for too long is given up; one to which bytes still go is not.
func TestAConnectionThatStallsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		conn := moving{ours}
		defer conn.Close()
		start := time.Now()
		answered := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			answered <- err
		}()
		const pieces = 5
		for range pieces { // a long request, of which each piece takes almost too long
			time.Sleep(stallTimeout - time.Second)
			go func() { _, _ = theirs.Read(make([]byte, 1)) }()
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-answered; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if after := time.Since(start); after != pieces*(stallTimeout-time.Second)+stallTimeout {
			t.Errorf("given up after %v", after)
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("nobody takes it: %v", err)
		}
	})
}

// TestABlobThatNobodyAnswersIsSentOnce: an upload waits for one silence, not for four.
func TestABlobThatNobodyAnswersIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Config{Endpoint: "bucket.example", Insecure: true, Bucket: "files", Region: defaultRegion, AccessKey: "a", SecretKey: "b"})
		if err != nil {
			t.Fatal(err)
		}
		connections := 0
		s.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			connections++
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }() // it takes all, and says nothing
			return moving{ours}, nil
		}
		begun := time.Now()
		_, err = s.Put(t.Context(), "k", strings.NewReader("x"), 1, "")
		if took := time.Since(begun); !errors.Is(err, blob.ErrUnavailable) || took > stallTimeout+time.Second || connections != 1 {
			t.Errorf("after %v, by %d connections: %v", took, connections, err)
		}
	})
}
