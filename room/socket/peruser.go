package socket

import (
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// perUser counts the connections of each user that were let in. It is safe for
// concurrent use, and is asked only when a connection begins or ends.
type perUser struct {
	refused atomic.Int64

	mu    sync.Mutex
	count map[uuid.UUID]int32
}

// enter counts a connection of the user, unless there are more than most; zero: no limit.
func (p *perUser) enter(user uuid.UUID, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.count[user]
	if most > 0 && int(n) >= most {
		p.refused.Add(1)
		return false
	}
	p.count[user] = n + 1
	return true
}

// leave undoes an enter that returned true. It returns true where the user has no other
// connection.
func (p *perUser) leave(user uuid.UUID) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[user] > 1 {
		p.count[user]--
		return false
	}
	delete(p.count, user)
	return true
}
