package rest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// downloads are the files that are being sent. Where there are as many as may be, one of the
// address that has most gives way to another's: so nobody can have all places, though a link
// needs no token.
type downloads struct {
	mu  sync.Mutex
	now int
	of  map[netip.Addr][]*download // the one that has gone on for longest first
	cut int64                      // that gave way
}

// download is a file on its way to a client.
type download struct {
	from netip.Addr
	conn net.Conn
	ctx  context.Context // of the bytes
	end  context.CancelFunc
}

// begin takes a place, or returns false: there is none that could be had without more to one
// address than another has. Who gives way has its connection closed under the lock, which leave
// takes: so the connection has not gone on to its client's next request.
func (d *downloads) begin(one *download, most int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now >= most {
		gone := d.first()
		if gone == nil || len(d.of[gone.from]) <= len(d.of[one.from])+1 {
			return false
		}
		d.remove(gone)
		d.cut++
		gone.end()
		_ = gone.conn.Close() // does not wait; its goroutine notices
	}
	if d.of == nil {
		d.of = make(map[netip.Addr][]*download)
	}
	d.now++
	d.of[one.from] = append(d.of[one.from], one)
	return true
}

// first returns the download that gives way first.
func (d *downloads) first() (one *download) {
	most := 0
	for _, all := range d.of {
		if len(all) > most {
			one, most = all[0], len(all)
		}
	}
	return one
}

// leave gives a place back, unless the download gave way.
func (d *downloads) leave(one *download) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(one)
}

func (d *downloads) remove(one *download) {
	all := d.of[one.from]
	at := slices.Index(all, one)
	if at < 0 {
		return
	}
	d.now--
	if all = slices.Delete(all, at, at+1); len(all) == 0 {
		delete(d.of, one.from)
	} else {
		d.of[one.from] = all
	}
}

// gaveWay returns how many were given up for others.
func (d *downloads) gaveWay() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}
