package socket

import (
	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
)

// Part is the netpoll.Config.Part of the chat: it sends clients away once what they
// have sent so far is answered. It is called on the loop.
func (h *Handler) Part(l *netpoll.Loop, cs []*netpoll.Conn) {
	h.running.Go(func() {
		// Where the store hangs, whoever drains has all that waits refused in time.
		_ = h.svc.AwaitAnswers(h.life)
		// The answers are in the loop's mailbox by now, ahead of this.
		l.Post(func() {
			for _, c := range cs {
				c.Session().(*session).part()
			}
		})
	})
}

// part sends the client away.
func (s *session) part() {
	if s.state == open && s.version > 1 && s.h.cfg.ReconnectAfter != nil {
		s.conn.SendText(protocol.AppendClosing(nil, s.h.cfg.ReconnectAfter()))
	}
	s.conn.Part()
}
