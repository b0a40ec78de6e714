package backplane

import (
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
)

// slot is a part of all channels that lies on one master of a Redis Cluster: it
// has names of its own, a subscriber and a publisher. A single Redis has one slot.
type slot struct {
	number     int    // among the slots
	prefix     string // of the rooms' channels
	heartbeat  string // this node's own channel, for its heartbeat
	all        string // all nodes' channel, for their heartbeats to one another
	subscriber *subscriber
	publisher  *publisher
	sharded    atomic.Bool // SSUBSCRIBE and SPUBLISH; what the subscriber found out last
}

func newSlot(b *Backplane, number int) *slot {
	// The braces make Redis Cluster hash this part of the names alone.
	tag := fmt.Sprintf("{%s/%02x}", b.names, number)
	s := &slot{prefix: tag + ":room:", heartbeat: tag + ":heartbeat:" + b.node.String(), all: tag + ":heartbeat:all", number: number}
	s.sharded.Store(b.cluster())
	s.subscriber = newSubscriber(b, s)
	s.publisher = newPublisher(b, s)
	return s
}

func (s *slot) channel(roomID uuid.UUID) string { return s.prefix + roomID.String() }

// beat sends a slot's heartbeat the way that all notices take.
func (b *Backplane) beat(s *slot) {
	s.publisher.enqueue(s.heartbeat, b.keys.sign(encodeHeartbeat(b.node, uint64(b.now()))), noticesMax)
}
