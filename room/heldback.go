package room

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/allowance"
)

// heldBack are refusals of clients that come again and again, which are told later: a
// client that waits for its refusal does not connect meanwhile. A user's first refusals are
// told at once (allowance.Refusals); so are those beyond the numbers that may wait.
type heldBack struct {
	s       *Service
	tell    func(*entering)
	telling sync.WaitGroup

	mu     sync.Mutex
	held   map[*heldRefusal]struct{}
	users  map[uuid.UUID]int // how many of each; none: no entry
	closed bool
}

// heldRefusal is told when its time is over.
type heldRefusal struct {
	to   entering
	over *time.Timer
}

func newHeldBack(s *Service, tell func(*entering)) *heldBack {
	return &heldBack{s: s, tell: tell, held: make(map[*heldRefusal]struct{}), users: make(map[uuid.UUID]int)}
}

// refuse tells the client that it is refused, now or later.
func (h *heldBack) refuse(e *entering) {
	may, now := h.s.cfg.Allowances.Of(e.id.User), time.Now()
	wait := min(may.Wait(allowance.Refusals, now), heldBackTime)
	may.Charge(allowance.Refusals, 1, now)
	may.Return()
	if wait == 0 || !h.hold(*e, wait) {
		h.tell(e)
	}
}

func (h *heldBack) hold(e entering, wait time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.held) >= heldBackMax || h.users[e.id.User] >= heldBackUserMax {
		return false
	}
	r := &heldRefusal{to: e}
	h.held[r] = struct{}{}
	h.users[e.id.User]++
	h.telling.Add(1)
	r.over = time.AfterFunc(wait, func() { h.release(r) })
	return true
}

// release tells a refusal whose time is over, once.
func (h *heldBack) release(r *heldRefusal) {
	h.mu.Lock()
	_, here := h.held[r]
	delete(h.held, r)
	if user := r.to.id.User; here {
		if h.users[user]--; h.users[user] == 0 {
			delete(h.users, user)
		}
	}
	h.mu.Unlock()
	if here {
		defer h.telling.Done()
		h.tell(&r.to)
	}
}

// close tells all that wait, and returns when they are told. The next ones are told at once.
func (h *heldBack) close() {
	h.mu.Lock()
	h.closed = true
	var all []*heldRefusal
	for r := range h.held {
		all = append(all, r)
	}
	h.mu.Unlock()
	for _, r := range all {
		r.over.Stop()
		h.release(r)
	}
	h.telling.Wait()
}

// now returns how many refusals wait.
func (h *heldBack) now() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}
