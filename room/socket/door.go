package socket

import (
	"net/netip"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room"
)

// door is what a session has while its token and rights are judged, and the way that the
// answer takes back to its loop. Doors are used again: what is made for each of many
// clients who come at once lies between what stays of them, and keeps pages that are
// mostly empty.
type door struct {
	room.EnterRequest
	path  string
	from  netip.Addr
	begun time.Time // zero: the log is not told of the end

	// From enter on.
	session *session
	loop    *netpoll.Loop
	entry   room.Entry // the answer
	err     error

	// Made once.
	answered func(room.Entry, error)
	opened   func()
}

var doors sync.Pool // of *door

func newDoor(r room.EnterRequest) *door {
	d, ok := doors.Get().(*door)
	if !ok {
		d = new(door)
		d.answered, d.opened = d.answer, d.open
	}
	d.EnterRequest = r
	return d
}

// enter begins the checks.
func (d *door) enter(s *session) {
	d.session, d.loop = s, s.conn.Loop()
	s.h.svc.Enter(d.EnterRequest, d.answered)
}

// answer takes what was found to the loop. It is called once, on any goroutine.
func (d *door) answer(e room.Entry, err error) {
	d.entry, d.err = e, err
	d.loop.Post(d.opened)
}

// open has the session go on, on its loop. Nothing keeps the door after that.
func (d *door) open() {
	d.session.entered(d, d.entry, d.err)
	*d = door{answered: d.answered, opened: d.opened}
	doors.Put(d)
}
