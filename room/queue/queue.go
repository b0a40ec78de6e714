// Package queue is the bounded queue that stands between those who must not wait
// and a goroutine that takes its time. It holds what was put in, oldest first, up
// to a number of items and a number of bytes. What does not fit is refused at once.
//
// A Queue owns no goroutine and is safe for concurrent use. Its lock is held for
// work in memory only.
package queue

import (
	"context"
	"sync"
)

// keep is the capacity that an empty queue keeps. A storm's memory is given back.
const keep = 256

// Queue is a bounded queue. Make one with New.
type Queue[T any] struct {
	// Static after construction.
	itemsMax int
	bytesMax int
	size     func(T) int
	ready    chan struct{} // has one element, or is closed, when a taker should look

	mu     sync.Mutex
	items  []T // those from head on wait
	head   int
	bytes  int
	closed bool
}

// New makes a queue of at most itemsMax items, which have at most bytesMax bytes
// together. size says how many bytes an item has; nil: none. It must say the same
// for an item each time.
func New[T any](itemsMax, bytesMax int, size func(T) int) *Queue[T] {
	if size == nil {
		size = func(T) int { return 0 }
	}
	return &Queue[T]{itemsMax: itemsMax, bytesMax: bytesMax, size: size, ready: make(chan struct{}, 1)}
}

// Put appends an item. It returns false where the queue is full or closed.
func (q *Queue[T]) Put(v T) bool { return q.PutBelow(v, q.itemsMax) }

// PutBelow is Put for what matters less: it also returns false where itemsMax
// items wait already.
func (q *Queue[T]) PutBelow(v T, itemsMax int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.put(v, itemsMax)
}

// PutAllBelow is PutBelow for several items, which a taker finds together. It returns how many
// of them were put in, the first ones.
func (q *Queue[T]) PutAllBelow(items []T, itemsMax int) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(items) && q.put(items[n], itemsMax) {
		n++
	}
	return n
}

// put is PutBelow under q.mu.
func (q *Queue[T]) put(v T, itemsMax int) bool {
	size := q.size(v)
	if q.closed || q.len() >= min(itemsMax, q.itemsMax) || q.bytes+size > q.bytesMax {
		return false
	}
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:]) // in place of growing
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
	q.bytes += size
	q.signal()
	return true
}

// Take moves at most n items, the oldest first, to the end of dst, and returns it.
// It does not wait.
func (q *Queue[T]) Take(dst []T, n int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.items[q.head : q.head+min(n, q.len())]
	for _, v := range taken {
		q.bytes -= q.size(v)
	}
	dst = append(dst, taken...)
	clear(taken)
	q.head += len(taken)
	q.settle()
	return dst
}

// Remove moves the items for which is returns true to the end of dst, in their
// order, and returns it. is is called with the queue's lock held.
func (q *Queue[T]) Remove(dst []T, is func(T) bool) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.items[:q.head]
	for _, v := range q.items[q.head:] {
		if !is(v) {
			kept = append(kept, v)
			continue
		}
		q.bytes -= q.size(v)
		dst = append(dst, v)
	}
	clear(q.items[len(kept):])
	q.items = kept
	q.settle()
	return dst
}

// Wait returns true as soon as something waits in the queue, and false where the
// queue is empty and closed, or ctx ends. With several takers a Take that follows
// may find that another was faster.
func (q *Queue[T]) Wait(ctx context.Context) bool {
	for {
		q.mu.Lock()
		waiting, closed := q.len() > 0, q.closed
		q.mu.Unlock()
		if waiting || closed {
			return waiting
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return false
		}
	}
}

// Len returns how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.len()
}

// Bytes returns how many bytes wait.
func (q *Queue[T]) Bytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Close makes every later Put fail. What waits can still be taken.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.ready)
	}
}

// len is Len under q.mu.
func (q *Queue[T]) len() int { return len(q.items) - q.head }

// settle follows a Take or a Remove, under q.mu: an empty queue begins anew, and
// what is left is for the next taker.
func (q *Queue[T]) settle() {
	if q.len() > 0 {
		q.signal()
		return
	}
	q.items, q.head = q.items[:0], 0
	if cap(q.items) > keep {
		q.items = nil
	}
}

// signal wakes a taker, under q.mu. It never blocks.
func (q *Queue[T]) signal() {
	if q.closed {
		return // all takers are awake
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
