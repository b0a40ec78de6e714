package socket

import (
	"errors"
	"math"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// expiringSeconds is how long before its end a client is told that its token expires, where
// it is good for longer. Otherwise the client is told at half of the time.
const expiringSeconds = 60

// takeToken notes when the token ends that the client has.
func (s *session) takeToken(expires time.Time) {
	s.expires = uint32(min(expires.Unix(), math.MaxUint32))
	s.warn = expiringSeconds
	if remains := int64(s.expires) - s.conn.Loop().Now().Unix(); remains <= expiringSeconds {
		s.warn = uint8(max(remains+1, 0) / 2)
	}
	w := s.loop()
	w.tokensDue = min(w.tokensDue, s.due())
}

// due is when tick has something to do, in Unix seconds.
func (s *session) due() int64 { return int64(s.expires) - int64(s.warn) }

// tick ends a session whose token has expired, and tells one of version 2 when it soon does.
func (s *session) tick(unix int64) {
	switch {
	case int64(s.expires) <= unix:
		s.close(protocol.CloseUnauthorized, "the access token has expired")
	case s.due() <= unix: // never while warn is 0
		s.warn = 0
		if s.version > 1 {
			s.conn.SendText(protocol.AppendTokenExpiring(nil, time.Unix(int64(s.expires), 0)))
		}
	}
}

// auth has the token checked that the client goes on with, off the loop. One is checked at a
// time, and each counts as a read: to check one takes about as long. A user who has read much
// may go on.
func (s *session) auth(f *protocol.Frame) *protocol.Error {
	if s.renewing || !s.mayAsk(1) {
		return protocol.ErrRateLimited
	}
	s.renewing = true
	loop, clientID := s.conn.Loop(), f.ClientID
	s.h.svc.Renew(s.user.ID(), f.Token, func(expires time.Time, err error) {
		loop.Post(func() { s.renewed(clientID, expires, err) })
	})
	return nil
}

// renewed takes the answer. What was before stays where the token is not good.
func (s *session) renewed(clientID string, expires time.Time, err error) {
	if s.state != open {
		return
	}
	s.renewing = false
	switch {
	case err == nil:
		s.takeToken(expires)
		if s.version > 1 {
			s.conn.SendText(protocol.AppendAuthAck(nil, expires, clientID))
		}
	case errors.Is(err, room.ErrUnauthorized), errors.Is(err, room.ErrForbidden):
		s.refuse(protocol.ErrInvalidToken, clientID, protocol.Place{})
	default:
		s.refuse(protocol.ErrTokenUnchecked, clientID, protocol.Place{})
	}
}
