package visit

import (
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// Call is a REST call that was answered.
type Call struct {
	From         netip.Addr
	User         uuid.UUID // nil: nobody knows
	Method, Path string    // the path without its query, which may hold a token
	Status       int
	Bytes        int // of the answer's body
	Took         time.Duration
}

// Stay is a WebSocket that has ended.
type Stay struct {
	From   netip.Addr
	User   uuid.UUID // nil: it was turned away
	Path   string    // without its query
	Code   int       // of the close; 1006: it broke
	Cause  string
	Stayed time.Duration
}

// REST writes of a call, where all visits are written of.
func (l *Log) REST(c Call) {
	if l.WritesAccess() {
		l.put("access", append(who("rest", c.From, c.User), "method", c.Method, "path", cut(c.Path), "status", c.Status, "bytes", c.Bytes, "took", c.Took)...)
	}
}

// Socket writes of a WebSocket, likewise.
func (l *Log) Socket(s Stay) {
	if l.WritesAccess() {
		l.put("access", append(who("socket", s.From, s.User), "path", cut(s.Path), "code", s.Code, "cause", s.Cause, "stayed", s.Stayed)...)
	}
}

func who(kind string, from netip.Addr, user uuid.UUID) []any {
	args := []any{"kind", kind, "address", from}
	if user != uuid.Nil {
		args = append(args, "user", user)
	}
	return args
}
