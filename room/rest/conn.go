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

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/unsent"
)

// conn is a connection that can be watched for its client's leaving while nobody
// reads from it. Read and watch belong to the goroutine that serves it; Close is
// safe from any.
type conn struct {
	net.Conn
	ln     *listener
	closed sync.Once

	ahead [1]byte // what watch read of the next request
	held  bool    // ahead has a byte

	head requestHead // of the request that is being read

	linger atomic.Bool // the client may still be sending what nobody wants
	owed   atomic.Pointer[owed]
}

// owed is an answer that is made and not sent yet.
type owed struct {
	unsent *unsent.Limit
	user   uuid.UUID
	bytes  int
}

// owe counts an answer that is about to be sent. There was one before it where a client
// sends its next request before it has the answer to this one: of that, no more is left
// than fasthttp's small buffer.
func (c *conn) owe(what *owed) {
	what.unsent.Add(what.bytes)
	what.unsent.AddTo(what.user, what.bytes)
	c.settle(c.owed.Swap(what))
}

// settle ends what owe began. nil: nothing is owed.
func (c *conn) settle(what *owed) {
	if what != nil {
		what.unsent.Add(-what.bytes)
		what.unsent.AddTo(what.user, -what.bytes)
	}
}

// Write counts the answers that are cut off because the client does not take them.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.ln.untaken.Add(1)
	}
	return n, err
}

func (c *conn) Read(p []byte) (int, error) {
	c.settle(c.owed.Swap(nil)) // the next request is read once all is sent
	n, err := 0, error(nil)
	if c.held && len(p) > 0 {
		p[0], c.held = c.ahead[0], false
		n = 1
	} else {
		n, err = c.Conn.Read(p)
	}
	c.head.note(p[:n])
	return n, err
}

// Close closes the connection, once; its error is that of the first call. The last call
// is that of fasthttp, which makes no answer any more.
func (c *conn) Close() (err error) {
	c.settle(c.owed.Swap(nil))
	c.closed.Do(func() {
		if c.linger.Load() {
			c.discard()
		}
		err = c.Conn.Close()
		c.ln.forget(c)
	})
	return err
}

// discard takes in, for a while, what the client is still sending: closing with
// bytes unread would reset the connection and could destroy the answer on its way.
func (c *conn) discard() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // so that the client need not wait for the end
	}
	if c.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil && c.linger.Load() { // cut says so before it sets its deadline
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytesMax) // whatever ends it, the connection is closed next
	}
}

// cut closes the connection, and ends a discard that is under way.
func (c *conn) cut() {
	c.linger.Store(false)
	_ = c.SetReadDeadline(time.Unix(1, 0))
	_ = c.Close() // what is cut off has no one to hear of it
}

// watch returns a context that ends with parent, or when the client hangs up.
// stop ends the watch and must be called before the next Read.
func (c *conn) watch(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	if c.held || c.SetReadDeadline(time.Time{}) != nil {
		return ctx, cancel
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n, err := c.Conn.Read(c.ahead[:])
		c.held = n == 1
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			cancel()
		}
	}()
	return ctx, func() {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // a closed connection has ended the read already
		<-ended
		cancel()
	}
}
