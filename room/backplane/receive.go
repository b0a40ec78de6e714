package backplane

import (
	"errors"
	"time"

	"github.com/google/uuid"
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
	h, e, err := b.open(payload)
	if errors.Is(err, errStale) && h.kind == envelopeHeartbeat && e.node != b.node {
		b.stats.notUnderstood(err)
		b.heard(e.node, s.number, e.number) // which does not go by clocks
		return
	}
	if err != nil {
		b.stats.notUnderstood(err)
		b.disbelieve(s, h, err)
		return
	}
	if !b.isPresent(e.timeline) {
		b.stats.oldTimeline.Add(1)
		b.disbelieve(s, h, errOldTimeline)
		return
	}
	if e.isPartial() {
		b.stats.notUnderstood(errOlder)
		b.disbelieve(s, h, errOlder)
		return
	}
	switch e.kind {
	case envelopeEvents:
		b.inbound.Announce(e.batch)
	case envelopeTyping, envelopeNotice:
		b.announceNotice(e)
	case envelopeHeartbeat:
		if e.node == b.node {
			s.subscriber.received(b.now(), time.Duration(e.number))
			return
		}
		b.heard(e.node, s.number, e.number)
	}
}

// heard takes another node's heartbeat.
func (b *Backplane) heard(node uuid.UUID, slot int, number uint64) {
	now := b.now()
	b.others.heard(node, slot, number, now)
	if b.leases.heard(node, slot, len(b.slots), number, now) {
		b.inbound.Met()
	}
}

// announceNotice hands in what is not stored.
func (b *Backplane) announceNotice(e *envelope) {
	switch {
	case e.said != nil:
		b.leases.known(e.node, len(b.slots), b.now())
		b.inbound.AnnouncePresence(e.said)
	case e.watched != nil:
		b.inbound.AnnounceWatched(e.watched)
	default:
		b.inbound.AnnounceNotice(e.notice)
	}
}

// open reads an envelope that a node of this deployment has signed. With an error it
// returns the header alone, if there is one; but one that is only stale it reads as well.
func (b *Backplane) open(payload string) (h header, e *envelope, err error) {
	if len(payload) > noticeBytesMax { // no node sends so much
		return h, nil, errMalformed
	}
	p := []byte(payload)
	h, p, err = unseal(p)
	if err != nil {
		return h, nil, err
	}
	body, stale := b.keys.verify(p, time.Now())
	if stale != nil && !errors.Is(stale, errStale) {
		return h, nil, stale
	}
	if e, err = decode(h, body[headerBytes:]); err != nil {
		return h, nil, err
	}
	return h, e, stale
}

// disbelieve has the room of an envelope compared with the database, which has what
// it tells, if that is true. What is told of no room, or by nobody who is missed, is
// dropped. The log says each reason once, and again after it was gone for a while.
func (b *Backplane) disbelieve(s *slot, h header, why error) {
	switch {
	case errors.Is(why, errForeign), errors.Is(why, errMalformed):
	case errors.Is(why, errNewer), errors.Is(why, errOlder):
		if !h.kind.lossy() {
			b.inbound.CatchUp(h.room) // it is signed: as many as there are
		}
	default:
		if !h.kind.lossy() && s.subscriber.wants(h.room) {
			b.hints.add(h.room)
		}
		if b.doubted.first(why, b.cfg.Primary.Timeline(), time.Now()) {
			b.log.Warn("notices came through Redis that are not believed; what they tell is read from the database",
				"why", why, "room", h.room, "node", h.node)
		}
	}
}
