package hostile

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// relay passes connections on and counts what goes through it.
type relay struct {
	t        *testing.T
	to       string
	l        net.Listener
	all      sync.WaitGroup
	open     atomic.Int64
	received atomic.Int64 // connections from attackers
}

func (r *relay) listen() string {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.l = l
	r.all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			r.received.Add(1)
			r.all.Go(func() { r.pass(from) })
		}
	})
	return l.Addr().String()
}

func (r *relay) pass(from net.Conn) {
	r.open.Add(1)
	defer r.open.Add(-1)
	defer func() { _ = from.Close() }() // either side has closed it already
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(from, to) // the end of either is the end of both
		_ = from.Close()
	}()
	_, _ = io.Copy(to, from)
	_ = to.Close()
	<-back
}

func (r *relay) close() {
	_ = r.l.Close()
	r.all.Wait()
}
