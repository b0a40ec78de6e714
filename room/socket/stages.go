package socket

import (
	"time"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room"
)

// Observer is told what an operator wants to see as distributions. It is called on the loops,
// must not block and must be safe for concurrent use.
type Observer interface {
	// Written tells of an event of this node's that the members on one loop have got, as far as
	// the kernel takes it: how long that took since it was committed, and since the frame that
	// asked for it was read.
	Written(sinceCommit, sinceFrame time.Duration)
}

// stages measures how long events take, of one event in a turn at most. It belongs to its loop.
type stages struct {
	observer Observer // nil: nobody asks
	of       *room.Stages
	done     func() // written, made once
}

func (s *stages) written() {
	now := time.Now()
	s.observer.Written(now.Sub(s.of.Committed), now.Sub(s.of.Accepted))
	s.of = nil
}

// note has a batch measured that is being told in this turn.
func (s *stages) note(l *netpoll.Loop, b *room.Batch) {
	if b.Stages == nil || s.observer == nil || s.of != nil {
		return
	}
	if s.done == nil {
		s.done = s.written
	}
	s.of = b.Stages
	l.AfterWrites(s.done)
}
