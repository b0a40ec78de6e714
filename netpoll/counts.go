package netpoll

import (
	"maps"
	"sync"
)

// counts is what one loop counts. It belongs to the loop: counting costs an
// addition.
type counts struct {
	open        int
	accepted    uint64
	opened      uint64
	httpTotal   uint64
	refused     [RefusalReasons]uint64
	closes      map[uint16]uint64
	causes      [Causes]uint64
	panics      uint64
	messagesIn  uint64
	bytesIn     uint64
	deliveries  uint64
	bytesOut    uint64
	writes      uint64
	outboxBytes int
	begunBytes  int // at most: what was finished since the last look counts still
	stalled     int
	paused      int
	pauses      uint64
	dropped     [DropReasons]uint64
	mail        uint64
	turns       uint64
}

// board is where a loop shows its counts to others, once a turn.
type board struct {
	mu     sync.Mutex
	counts counts
}

// show brings the board up to date.
func (b *board) show(now *counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closes := b.counts.closes
	if b.counts.causes != now.causes {
		closes = maps.Clone(now.closes)
	}
	b.counts = *now
	b.counts.closes = closes
}

// keptBytes returns how many bytes the loop's connections kept at the end of its last
// turn, in their outboxes and of what has begun.
func (b *board) keptBytes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts.outboxBytes + b.counts.begunBytes
}
