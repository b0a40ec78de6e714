package backplane

import (
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
)

// slot is a part of all channels that lies on one master of a Redis Cluster: it
// has names of its own, an ear and a mouth. A single Redis has one slot.
type slot struct {
	prefix  string // of the rooms' channels
	canary  string // this node's own channel, to hear itself
	ear     *ear
	mouth   *mouth
	sharded atomic.Bool // SSUBSCRIBE and SPUBLISH; what the ear found out last
}

func newSlot(b *Backplane, number int) *slot {
	// The braces make Redis Cluster hash this part of the names alone.
	tag := fmt.Sprintf("{%s/%02x}", b.names, number)
	s := &slot{prefix: tag + ":room:", canary: tag + ":canary:" + b.node.String()}
	s.sharded.Store(b.cluster())
	s.ear = newEar(b, s)
	s.mouth = newMouth(b, s)
	return s
}

func (s *slot) channel(in uuid.UUID) string { return s.prefix + in.String() }

// sing sends this node's canary the way that all notices take.
func (b *Backplane) sing(s *slot) {
	s.mouth.say(s.canary, encodeCanary(b.node, uint64(b.now())), noticesMax)
}
