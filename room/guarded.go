package room

import "github.com/caravan-chat/caravan/room/contain"

// guarded is a Listener whose panics are contained: the room's other listeners are
// told. Two are equal where their listeners are.
type guarded struct {
	to    Listener
	guard *contain.Guard
}

// Deliver implements Listener. A listener that panics may have missed events, so it
// is told to begin anew.
func (l guarded) Deliver(b *Batch) (w Waker) {
	if l.guard.Call("listener", func() { w = l.to.Deliver(b) }) != nil {
		return l.Rewound()
	}
	return w
}

// Rewound implements Listener.
func (l guarded) Rewound() (w Waker) {
	_ = l.guard.Call("listener", func() { w = l.to.Rewound() })
	return w
}

// Notify implements Listener.
func (l guarded) Notify(n *Notice) (w Waker) {
	_ = l.guard.Call("listener", func() { w = l.to.Notify(n) })
	return w
}
