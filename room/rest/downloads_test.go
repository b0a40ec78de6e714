package rest

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// watched is a connection that reports whether its download could be left while it was closed.
type watched struct {
	net.Conn
	of    *downloads
	left  bool
	times int
}

func (w *watched) Close() error {
	w.times++
	if w.of.mu.TryLock() {
		w.left = true
		w.of.mu.Unlock()
	}
	return nil
}

// TestADownloadThatIsOverIsNotCut: its connection may be at the next request.
func TestADownloadThatIsOverIsNotCut(t *testing.T) {
	var d downloads
	conn := &watched{of: &d}
	from := func(address byte) *download {
		one := &download{from: netip.AddrFrom4([4]byte{address}), conn: conn}
		one.ctx, one.end = context.WithCancel(t.Context())
		return one
	}
	all := []*download{from(1), from(1), from(1)}
	for _, one := range all {
		if !d.begin(one, 3) {
			t.Fatal("there is room")
		}
	}
	if !d.begin(from(2), 3) || conn.times != 1 || conn.left || all[0].ctx.Err() == nil {
		t.Errorf("closed %d times, could be left meanwhile: %v, %v", conn.times, conn.left, all[0].ctx.Err())
	}
	d.leave(all[1])
	if !d.begin(from(3), 3) || conn.times != 1 {
		t.Errorf("closed %d times, though there was room", conn.times)
	}
}
