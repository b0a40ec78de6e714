package rest

import (
	"sync"

	"github.com/google/uuid"
)

// users counts what each user has under way. A user who has nothing is forgotten, so
// there are at most as many as Limits has places.
type users struct {
	mu    sync.Mutex
	under map[uuid.UUID]int
}

// begin counts one thing more, or returns false where the user has as many as most.
func (u *users) begin(user uuid.UUID, most int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.under == nil {
		u.under = make(map[uuid.UUID]int)
	}
	if u.under[user] >= most {
		return false
	}
	u.under[user]++
	return true
}

// end counts one thing less.
func (u *users) end(user uuid.UUID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.under[user]--; u.under[user] == 0 {
		delete(u.under, user)
	}
}
