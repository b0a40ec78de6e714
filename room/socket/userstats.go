package socket

import (
	"sync/atomic"

	"github.com/caravan-chat/caravan/protocol"
)

// userStats are the figures of user sockets. They are safe for concurrent use.
type userStats struct {
	now, subscribed                              atomic.Int64
	forbidden, internal, later, restart, tooSlow atomic.Int64 // rooms that were left, by code
}

// left returns the counter of a code that rooms are left with.
func (u *userStats) left(code protocol.CloseCode) *atomic.Int64 {
	switch code {
	case protocol.CloseForbidden:
		return &u.forbidden
	case protocol.CloseTryLater:
		return &u.later
	case protocol.CloseRestart:
		return &u.restart
	case protocol.CloseSlowConsumer:
		return &u.tooSlow
	}
	return &u.internal
}

func (u *userStats) add(to *Stats) {
	to.UserSocketsNow, to.SubscribedNow = u.now.Load(), u.subscribed.Load()
	to.Left = make(map[protocol.CloseCode]int64)
	for _, code := range []protocol.CloseCode{protocol.CloseForbidden, protocol.CloseTryLater, protocol.CloseRestart, protocol.CloseSlowConsumer, protocol.CloseInternal} {
		to.Left[code] = u.left(code).Load()
	}
}
