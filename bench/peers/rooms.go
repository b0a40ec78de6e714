package main

import "sync"

// rooms are the members of all rooms. It is safe for concurrent use.
type rooms[M comparable] struct {
	mu  sync.Mutex
	all map[string]*room[M]
}

// room is one room's members. It is safe for concurrent use.
type room[M comparable] struct {
	mu      sync.RWMutex
	members map[M]struct{}
}

func (r *rooms[M]) find(name string) *room[M] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*room[M]{}
	}
	one := r.all[name]
	if one == nil {
		one = &room[M]{members: map[M]struct{}{}}
		r.all[name] = one
	}
	return one
}

func (r *room[M]) join(m M) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[m] = struct{}{}
}

func (r *room[M]) leave(m M) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, m)
}

// each calls tell for all members.
func (r *room[M]) each(tell func(M)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for m := range r.members {
		tell(m)
	}
}
