package backplane

import (
	"errors"
	"sync/atomic"
	"time"
)

type counters struct {
	published, publishErrors, dropped atomic.Int64
	received                          atomic.Int64
	foreign, newer, older, malformed  atomic.Int64
	unsigned, unknownKey              atomic.Int64
	forged, stale, oldTimeline        atomic.Int64
	reconnects, connectErrors         atomic.Int64
	leaseErrors, noteErrors           atomic.Int64
	keyErrors                         atomic.Int64
}

// notUnderstood counts an envelope that was ignored, by its reason.
func (c *counters) notUnderstood(err error) {
	switch {
	case errors.Is(err, errForeign):
		c.foreign.Add(1)
	case errors.Is(err, errNewer):
		c.newer.Add(1)
	case errors.Is(err, errOlder):
		c.older.Add(1)
	case errors.Is(err, errUnsigned):
		c.unsigned.Add(1)
	case errors.Is(err, errUnknownKey):
		c.unknownKey.Add(1)
	case errors.Is(err, errForged):
		c.forged.Add(1)
	case errors.Is(err, errStale):
		c.stale.Add(1)
	default:
		c.malformed.Add(1)
	}
}

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	Published     int64 // notices that Redis took
	PublishErrors int64 // notices that it did not take
	Dropped       int64 // notices left out because too many waited
	Received      int64 // notices that came, this node's own included
	Foreign       int64 // notices of other deployments, and payloads that are no notices, ignored
	Newer         int64 // notices of a newer version; their rooms were compared with the database
	Older         int64 // changes that nodes of an older version told, which do not know all that a message has; likewise
	Malformed     int64 // notices with a fault, ignored

	// Notices that are not believed: only their rooms were compared with the database.
	Unsigned   int64 // of older builds, or of strangers
	UnknownKey int64 // signed with a key that is not known, or not any more
	Forged     int64 // with a wrong signature
	Stale      int64 // signed too long ago, or by a clock that differs

	OldTimeline int64 // notices of what a former primary has, after another one had taken over: likewise

	Reconnects    int64 // subscriptions that broke
	ConnectErrors int64 // failed attempts to make a client of Redis
	LeaseErrors   int64 // failed attempts to say that this node lives
	NoteErrors    int64 // failed attempts to note that in the database, and to look others up there
	KeyErrors     int64 // failed attempts to look the deployment's secret up
	Panics        int64 // in a goroutine of the Backplane, or in the Inbound when called by it

	HealthyNow       bool
	UnheardNow       int           // nodes that live and are not heard
	ApartNow         bool          // they are more than those that are heard, this node included
	SubscriptionsNow int           // rooms, lingering ones included
	RoundTripNow     time.Duration // of the slowest slot's last heartbeat; grows while none comes
}

// Stats returns the present figures.
func (b *Backplane) Stats() Stats {
	c := &b.stats
	s := Stats{
		Published: c.published.Load(), PublishErrors: c.publishErrors.Load(), Dropped: c.dropped.Load(),
		Received: c.received.Load(), Foreign: c.foreign.Load(), Newer: c.newer.Load(), Older: c.older.Load(), Malformed: c.malformed.Load(),
		Unsigned: c.unsigned.Load(), UnknownKey: c.unknownKey.Load(), Forged: c.forged.Load(), Stale: c.stale.Load(), OldTimeline: c.oldTimeline.Load(),
		Reconnects: c.reconnects.Load(), ConnectErrors: c.connectErrors.Load(), LeaseErrors: c.leaseErrors.Load(), NoteErrors: c.noteErrors.Load(), KeyErrors: c.keyErrors.Load(), Panics: b.guard.Panics(),
		HealthyNow: b.Healthy(),
	}
	s.UnheardNow, s.ApartNow = b.others.state()
	now := b.now()
	for _, slot := range b.slots {
		from := slot.subscriber
		s.SubscriptionsNow += from.rooms()
		s.RoundTripNow = max(s.RoundTripNow, time.Duration(from.roundTrip.Load()), from.silence(now)-heartbeatEvery)
	}
	return s
}
