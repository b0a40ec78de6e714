package socket

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/visit"
)

// forTheLog returns what is kept of a door until the end; nil: nothing.
func (d *door) forTheLog() *door {
	if d.begun.IsZero() {
		return nil
	}
	return &door{path: d.path, from: d.from, begun: d.begun}
}

// refusal is the answer to a handshake, and why.
type refusal struct {
	*netpoll.Refusal
	why, detail string
}

// admit turns a handshake into a session, unless too many have come from that address.
func (h *Handler) admit(r *netpoll.Request, from netip.Addr) (*session, *refusal) {
	if why, wait := h.cfg.Addresses.Connect(from, time.Now()); wait > 0 {
		no := refuse(why, http.StatusTooManyRequests, "Too many of this address; please wait.", protocol.CodeRateLimited)
		no.RetryAfter = wait
		return nil, no
	}
	return h.request(r)
}

// turnedAway has the log say that the session is not let in.
func (s *session) turnedAway(d *door, why string) {
	s.h.cfg.Visits.TurnedAway(why, "", d.from, d.path)
}

// tellStay has the log say that the connection has ended.
func (s *session) tellStay(why netpoll.Closed) {
	d := s.door
	if d == nil || d.begun.IsZero() {
		return
	}
	v := visit.Stay{From: d.from, Path: d.path, Code: int(why.Code), Cause: why.Cause.String(), Stayed: time.Since(d.begun), User: s.user.ID()}
	s.h.cfg.Visits.Socket(v)
}
