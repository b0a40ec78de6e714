package netpoll

import (
	"sync"
)

// mailbox is the one door into a loop: any goroutine puts functions in, the loop
// takes all of them out at once, in the order in which they came. gnet's own task
// queues keep no order beyond a thousand tasks, so they only carry the wake-up.
type mailbox struct {
	mu      sync.Mutex
	waiting []func() // guarded by mu
	closed  bool     // guarded by mu: the loop has ended

	taken []func() // owned by the loop; swapped with waiting
}

// mailKeptMax is the greatest capacity, in functions, that an emptied mailbox keeps.
const mailKeptMax = 4096

func (m *mailbox) put(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.waiting = append(m.waiting, fn)
	}
}

// close drops what waits and what comes later.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.closed = nil, true
}

// take returns what has come since the last take. The slice is valid until the
// next one. Only on the loop.
func (m *mailbox) take() []func() {
	clear(m.taken)
	if cap(m.taken) > mailKeptMax {
		m.taken = nil
	}
	m.mu.Lock()
	m.waiting, m.taken = m.taken[:0], m.waiting
	m.mu.Unlock()
	return m.taken
}

func (m *mailbox) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}
