package room

import (
	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/presence"
)

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

// count has the listener count its members into a room, where it has some.
func (l guarded) count(r *presence.Room) (w Waker) {
	to, has := l.to.(MemberListener)
	if !has || l.guard.Call("listener", func() { w = to.Count(r) }) != nil {
		r.Counted()
	}
	return w
}

// missed tells the listener that notices may have been missed, where it has members.
func (l guarded) missed() {
	if to, has := l.to.(MemberListener); has {
		_ = l.guard.Call("listener", to.Missed)
	}
}

// members is how many members it has.
func (l guarded) members() (n int) {
	if to, has := l.to.(MemberListener); has {
		n = to.Members()
	}
	return n
}
