package socket

import (
	"errors"
	"time"
	"unique"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// state is where a session stands; see the package comment.
type state uint8

const (
	entering state = iota
	open
	closed
)

// session is one client on one connection. It belongs to its connection's loop. There may
// be millions, most of them idle: the order of the fields leaves no gaps.
type session struct {
	// Static after construction.
	h *Handler

	// Static after Open.
	conn *netpoll.Conn

	// Owned by the loop.
	spent  spent
	may    *allowance.Allowance // the user's, once the gate let it in
	user   room.CompactUser     // once the gate let it in
	door   *door                // while entering; later where the log is told of the end
	answer func(*room.Op)       // the lane's way back, made once
	seats  *seats               // of a user socket; nil on a room's. Static after construction

	expires  uint32 // when the token does, Unix seconds
	version  uint8  // of the protocol; static after construction
	warn     uint8  // the client is told so many seconds before the token ends; zero: it has been
	state    state
	renewing bool // another token is being checked

	seat seat // of a room's socket
}

// enter begins the checks.
func (s *session) enter() {
	d := s.door
	s.door = d.forTheLog()
	d.enter(s)
}

// entered takes the answer of the admission. It does not keep the door.
func (s *session) entered(d *door, e room.Entry, err error) {
	if s.state != entering {
		return
	}
	if err != nil {
		s.turnedAway(d, room.WhyTurnedAway(err))
		if errors.Is(err, room.ErrUnauthorized) && d.Bearer != "" {
			s.h.cfg.Addresses.Failed(d.from, time.Now())
		}
	}
	switch {
	case err == nil && (s.seats != nil || !s.h.svc.Superseded(e.Room.Timeline)): // a user socket is in no room yet
	case errors.Is(err, room.ErrUnauthorized):
		s.close(protocol.CloseUnauthorized, "a valid access token is required")
		return
	case errors.Is(err, room.ErrForbidden):
		s.close(protocol.CloseForbidden, "not a collaborator of this trip")
		return
	case errors.Is(err, room.ErrRateLimited):
		s.close(protocol.CloseTryLater, "too many reads of this user, please come again later")
		return
	default:
		if err == nil {
			s.turnedAway(d, room.WhyTurnedAway(room.ErrSuperseded))
		}
		s.close(protocol.CloseInternal, "cannot let you in now, please try again")
		return
	}
	s.user = e.User
	user := s.user.ID()
	if !s.h.cfg.Unsent.OpenTo(user) {
		s.turnedAway(d, "unsent")
		s.crowded()
		return
	}
	s.may = s.h.cfg.Allowances.Of(user)
	if !s.may.Enter(s.h.limits.Load().PerUser) {
		s.h.overPerUser.Add(1)
		s.turnedAway(d, "connections of the user")
		s.close(protocol.CloseTryLater, "too many connections of this user")
		return
	}
	s.h.speaking.begin(s.version)
	s.state = open
	s.takeToken(e.Expires)
	if s.seats != nil {
		s.openSeats()
		return
	}
	s.seat.in = s.loop().enter(s.conn.Loop(), e.Room)
	s.seat.rights = e.May
	if s.version > 1 {
		s.seat.known = unique.Make(known{e.Role, e.Room.RoomSettings})
		s.seat.wait().own = protocol.Own{Room: e.Room.ID, Role: e.Role, May: e.May, ReadSeq: e.ReadSeq}
	}
	s.seat.join()
}

// loop returns what the session's loop knows.
func (s *session) loop() *loopState { return s.h.loops[s.conn.Loop().Index()] }

// leave is the end: the connection is gone, or will be when its last bytes are.
func (s *session) leave() {
	wasOpen := s.state == open
	s.state = closed
	if wasOpen {
		if s.may.Leave() {
			s.h.svc.WasSeen(s.user.ID())
		}
		s.h.speaking.end(s.version)
	}
	s.may.Return()
	s.may = nil
	if s.seats != nil {
		s.leaveSeats()
		return
	}
	s.seat.leave()
}

// crowded turns the session away, as too much of what was made for clients is not sent
// yet, or the server is short of memory.
func (s *session) crowded() {
	s.close(protocol.CloseTryLater, tooManyUnsent)
}

// tooManyUnsent says why a session, or a seat, is turned away.
const tooManyUnsent = "too many answers are not sent yet, please try again later"

func (s *session) close(code protocol.CloseCode, reason string) {
	s.conn.Close(uint16(code), reason)
}
