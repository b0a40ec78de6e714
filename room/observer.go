package room

import "time"

// Observer is told what an operator wants to see as distributions. Its methods
// are called from the lanes, must not block and must be safe for concurrent use.
type Observer interface {
	// Committed tells of one transaction of a lane: how many ops it carried, how long the
	// first of them had waited for it, and how long it took from Append to its return,
	// retries included.
	Committed(ops int, waited, took time.Duration)
	// Told tells how long it took to hand a transaction's events to the listeners.
	Told(took time.Duration)
}

type silentObserver struct{}

func (silentObserver) Committed(int, time.Duration, time.Duration) {}
func (silentObserver) Told(time.Duration)                          {}

// Stages are moments on the way of an event: when the frame that asks for it had been read and
// its lane took it, and when the event began to be handed to the listeners.
type Stages struct{ Accepted, Committed time.Time }
