package room

import "time"

// Observer is told what an operator wants to see as distributions. Its methods
// are called from the lanes, must not block and must be safe for concurrent use.
type Observer interface {
	// Committed tells of one transaction of a lane: how many ops it carried and how
	// long it took from Append to its return, retries included.
	Committed(ops int, took time.Duration)
}

type silentObserver struct{}

func (silentObserver) Committed(int, time.Duration) {}
