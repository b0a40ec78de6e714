package s3

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
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
