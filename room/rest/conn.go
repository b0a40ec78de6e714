package rest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/room/allowance"
)

// conn is a connection that carries requests. It belongs to the goroutine that serves
// it, but for what places guards.
type conn struct {
	net.Conn
	places *places

	in    window  // what was read and not taken yet
	ahead [1]byte // what was read without a buffer
	held  bool    // ahead has a byte, which comes after what is in in

	known    bool            // a good token came on it
	linger   bool            // the client may still be sending what nobody wants
	refusals allowance.Meter // of requests without a good token

	// Any goroutine.
	kept  atomic.Int64 // bytes of memory, of what has come of a request, or of an answer
	since atomic.Int64 // when the answer began to be written, in nanoseconds; 0: none is

	// Guarded by places.mu.
	waits         wait
	delayed       chan struct{} // closed when it is dismissed; nil: its answer is not delayed
	dismissed     bool          // its place went to another connection, or the server ends
	before, after *conn
}

// longAgo is a deadline that is over.
var longAgo = time.Unix(1, 0)

// next waits until a request begins. It holds no buffer meanwhile.
func (c *conn) next() bool {
	if len(c.in.unread()) > 0 || c.held {
		return true
	}
	c.in.release()
	c.kept.Store(0)
	if !c.await(waitStranger, waitIdle, time.Now().Add(idleTimeout)) {
		return false
	}
	n, _ := c.Conn.Read(c.ahead[:]) // whatever ended it, there is no request
	c.held = n == 1
	return c.places.resume(c) && c.held
}

// awaitRest gives the client until a time for the rest of its request.
func (c *conn) awaitRest(until time.Time) bool { return c.await(waitStrangerRest, waitRest, until) }

func (c *conn) await(stranger, known wait, until time.Time) bool {
	if c.known {
		return c.places.await(c, known, until)
	}
	return c.places.await(c, stranger, until)
}

// more reads what comes next behind what is in c.in.
func (c *conn) more() error {
	free := c.in.room()
	if c.held {
		free[0], c.held = c.ahead[0], false
		c.in.filled(1)
		return nil
	}
	c.kept.Store(int64(len(c.in.array)))
	n, err := c.Conn.Read(free)
	c.in.filled(n)
	if n > 0 {
		return nil
	}
	return err
}

// readInto reads into b what comes next, without a buffer between.
func (c *conn) readInto(b []byte) (int, error) {
	if n := copy(b, c.in.unread()); n > 0 {
		c.in.take(n)
		return n, nil
	}
	if c.held {
		b[0], c.held = c.ahead[0], false
		return 1, nil
	}
	return c.Conn.Read(b)
}

// end closes the connection.
func (c *conn) end() {
	if c.linger {
		c.discard()
	}
	_ = c.Conn.Close() // there is nobody to tell
	c.in.release()
	c.places.leave(c)
}

// discard takes in, for a while, what the client is still sending: closing with
// bytes unread would reset the connection and could destroy the answer on its way.
func (c *conn) discard() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // so that the client need not wait for the end
	}
	if c.places.await(c, waitEnd, time.Now().Add(lingerTimeout)) {
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytesMax) // whatever ends it, the connection is closed next
	}
}

// watchAfter is how long an answer takes before anybody looks whether its client is still
// there. Most take less, and the look costs a goroutine.
const watchAfter = 100 * time.Millisecond

// watch returns a context that ends with parent, or some time after the client has
// hung up. stop ends the watch and must be called before the next read.
func (c *conn) watch(parent context.Context, after time.Duration) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	if c.held || c.SetReadDeadline(time.Time{}) != nil {
		return ctx, cancel
	}
	stopped, ended := make(chan struct{}), make(chan struct{})
	begin := time.AfterFunc(watchAfter, func() {
		defer close(ended)
		n, err := c.Conn.Read(c.ahead[:])
		c.held = n == 1
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-stopped:
		}
	})
	return ctx, func() {
		if !begin.Stop() {
			close(stopped)
			_ = c.SetReadDeadline(longAgo) // a closed connection has ended the read already
			<-ended
		}
		cancel()
	}
}

// window is a buffer that grows with what comes.
type window struct {
	array      []byte // all of it
	begin, end int    // of what was read and not taken
}

// windowBytes is the size of a window at first, which nearly all requests fit into.
const windowBytes = 4 << 10

var windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}

func (w *window) unread() []byte { return w.array[w.begin:w.end] }

// room returns where the next bytes go; filled says how many went there.
func (w *window) room() []byte {
	switch {
	case w.array == nil:
		w.array = windows.Get().(*[windowBytes]byte)[:]
	case w.end < len(w.array):
	case w.begin > 0:
		w.end = copy(w.array, w.unread())
		w.begin = 0
	default:
		larger := make([]byte, 2*len(w.array))
		copy(larger, w.array)
		w.array = larger
	}
	return w.array[w.end:]
}

func (w *window) filled(n int) { w.end += n }

func (w *window) take(n int) {
	if w.begin += n; w.begin == w.end {
		w.begin, w.end = 0, 0
	}
}

// release gives the array back where nothing is in it.
func (w *window) release() {
	if w.begin < w.end || w.array == nil {
		return
	}
	if len(w.array) == windowBytes {
		windows.Put((*[windowBytes]byte)(w.array))
	}
	*w = window{}
}
