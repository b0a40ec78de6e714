package backplane

import (
	"errors"
	"time"
)

// receive takes whatever came on a slot's channels. What this node published comes
// back, too, since Redis knows no channel without its publisher; of that only
// heartbeats are looked into.
func (b *Backplane) receive(s *slot, payload string) {
	b.stats.received.Add(1)
	if h, ok := readHeader(payload); ok {
		if h.kind != envelopeHeartbeat && h.node == b.node {
			return
		}
		if b.isForeign(h.node) {
			b.ignore(h.node)
			return
		}
	}
	e, err := decode([]byte(payload))
	if err != nil {
		b.stats.notUnderstood(err)
		if errors.Is(err, errNewer) && !e.kind.lossy() {
			b.inbound.CatchUp(e.room) // the database has what it tells
		}
		return
	}
	switch e.kind {
	case envelopeEvents:
		b.inbound.Announce(e.batch)
	case envelopeTyping, envelopeNotice:
		b.inbound.AnnounceNotice(e.notice)
	case envelopeHeartbeat:
		if e.node == b.node {
			s.subscriber.received(b.now(), time.Duration(e.number))
		}
	}
}
