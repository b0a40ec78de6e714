package presence

import (
	"time"

	"github.com/google/uuid"
)

// seeing is what this node knows of all nodes' users in a room, where somebody on it wants to
// know that.
type seeing struct {
	since    time.Time           // since when somebody does; zero: nobody
	until    time.Time           // beside the watchers somebody does until then
	settled  chan struct{}       // closed when there is an answer
	ready    bool                // it is closed
	all      map[uuid.UUID]int32 // how many nodes say that the user is there
	unnamed  int                 // users whom nodes do not name
	nodes    map[uuid.UUID]*node // the others
	ask      bool                // something is not known
	askedAt  time.Time
	followed time.Time // since when what others say of the room arrives, where that is known
	changed  bool      // since the watchers were told
}

// node is what another node has said.
type node struct {
	version uint64
	users   map[uuid.UUID]struct{}
	count   int       // of users whom it does not name
	until   time.Time // when it has ended, and its users have left; zero: it lives
}

// want has the room's users known until then. True: they were not known before.
func (r *Room) want(now time.Time) bool {
	s := &r.see
	s.until = now.Add(wantedTime)
	if !s.since.IsZero() {
		return false
	}
	*s = seeing{since: now, until: s.until, settled: make(chan struct{}), ask: true, changed: true,
		all: make(map[uuid.UUID]int32, len(r.here)), nodes: make(map[uuid.UUID]*node)}
	for user := range r.here {
		s.all[user] = 1
	}
	r.isDue()
	return true
}

// settle reports whether what is known is an answer: the members of this node are counted, and
// the others had the time to say who is there on them.
func (r *Room) settle(now time.Time) bool {
	s := &r.see
	switch {
	case s.since.IsZero():
		return false
	case s.ready:
		return true
	case !r.counted(now), r.table.waits() && s.waits(now):
		r.isDue()
		return false
	}
	s.ready = true
	close(s.settled)
	return true
}

// waits reports whether answers of other nodes may be on their way.
func (s *seeing) waits(now time.Time) bool {
	return now.Sub(s.since) < settleMax && (s.followed.IsZero() || now.Sub(s.followed) < settleTime)
}

func (s *seeing) online() int { return len(s.all) + s.unnamed }

// add and remove count a node's word for a user.
func (s *seeing) add(user uuid.UUID) {
	if s.all == nil {
		return
	}
	if s.all[user]++; s.all[user] == 1 {
		s.changed = true
	}
}

func (s *seeing) remove(user uuid.UUID) {
	switch n := s.all[user]; {
	case n > 1:
		s.all[user] = n - 1
	case n == 1:
		delete(s.all, user)
		s.changed = true
	}
}

// hear takes what another node says of who is there on it: all of its users, where it says those.
func (r *Room) hear(said *Said, users map[uuid.UUID]struct{}, now time.Time) {
	s := &r.see
	if s.since.IsZero() {
		return
	}
	defer r.isDue()
	n := s.nodes[said.Node]
	switch {
	case n != nil && !n.until.IsZero(): // it has said farewell
	case said.Kind == Leaving:
		if n != nil {
			n.until = now.Add(r.table.cfg.Grace)
		}
	case said.Kind == Whole, said.Kind == Counted:
		s.replace(said, users)
	case n == nil, said.Version > n.version+1, said.Version == n.version+1 && said.Kind == Still:
		s.ask = true
	case said.Version <= n.version: // it is known
	case said.Kind == Change:
		n.version = said.Version
		for _, user := range said.Left { // first: they make room
			s.removeOf(n, user)
		}
		for _, user := range said.Joined {
			s.addOf(n, user)
		}
	}
}

// setOf are the users that a node names, at most usersMax.
func setOf(ids []uuid.UUID) map[uuid.UUID]struct{} {
	users := make(map[uuid.UUID]struct{}, min(len(ids), usersMax))
	for _, user := range ids {
		if len(users) == usersMax {
			break
		}
		users[user] = struct{}{}
	}
	return users
}

// replace takes all that a node says.
func (s *seeing) replace(said *Said, users map[uuid.UUID]struct{}) {
	n := s.nodes[said.Node]
	switch {
	case n == nil && len(s.nodes) >= nodesMax:
		return
	case n == nil:
		n = new(node)
		s.nodes[said.Node] = n
	case said.Version < n.version:
		return
	}
	n.version = said.Version
	s.setCount(n, said.Count)
	for user := range n.users {
		if _, still := users[user]; !still {
			s.remove(user)
		}
	}
	for user := range users {
		if _, was := n.users[user]; !was {
			s.add(user)
		}
	}
	n.users = users
}

func (s *seeing) setCount(n *node, count int) {
	if n.count != count {
		s.unnamed += count - n.count
		n.count, s.changed = count, true
	}
}

func (s *seeing) addOf(n *node, user uuid.UUID) {
	_, known := n.users[user]
	switch {
	case known:
	case len(n.users) >= usersMax:
		s.ask = true
	default:
		if n.users == nil {
			n.users = make(map[uuid.UUID]struct{})
		}
		n.users[user] = struct{}{}
		s.add(user)
	}
}

func (s *seeing) removeOf(n *node, user uuid.UUID) {
	if _, known := n.users[user]; known {
		delete(n.users, user)
		s.remove(user)
	}
}

// forget drops the nodes that have ended, with all that they said. Those whose lease has ended
// are gone where they would have been heard, or nobody can be.
func (r *Room) forget(now time.Time, trust bool) {
	s := &r.see
	for id, n := range s.nodes {
		if n.until.IsZero() && (!trust || r.table.cfg.Others.Lives(id, r.id)) || now.Before(n.until) {
			continue
		}
		for user := range n.users {
			s.remove(user)
		}
		s.setCount(n, 0)
		delete(s.nodes, id)
		r.isDue()
	}
}

// askDue asks the other nodes where something is not known, and now and then in any case.
func (r *Room) askDue(now time.Time, left *int) {
	s := &r.see
	if r.table.cfg.Others == nil || s.since.IsZero() || !s.ask && now.Sub(s.askedAt) < askEvery {
		return
	}
	if now.Sub(s.askedAt) < askPause || s.followed.IsZero() && now.Sub(s.since) < settleTime || *left <= 0 {
		r.isDue()
		return
	}
	*left -= saidBytes
	s.ask, s.askedAt = false, now
	r.out = append(r.out, &Said{Kind: Ask, Room: r.id})
}
