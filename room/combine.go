package room

import (
	"context"
	"sync"
	"sync/atomic"
)

// combiner answers questions in bulk: those that wait while a look into the
// store is under way go together into the next one, and equal ones are asked
// once. Its workers are its only goroutines; its queue is bounded.
type combiner[Q comparable, A any] struct {
	ask      func(context.Context, []Q) ([]A, error)
	looks    atomic.Int64 // looks into the store
	asked    atomic.Int64 // questions answered by them
	mu       sync.Mutex
	waiting  map[Q][]func(A, error)
	order    []Q // the keys of waiting, oldest first
	wake     *sync.Cond
	closed   bool
	workers  sync.WaitGroup
	batchMax int
}

// newCombiner starts the given number of workers.
func newCombiner[Q comparable, A any](ctx context.Context, workers, batchMax int, ask func(context.Context, []Q) ([]A, error)) *combiner[Q, A] {
	c := &combiner[Q, A]{ask: ask, waiting: make(map[Q][]func(A, error)), batchMax: batchMax}
	c.wake = sync.NewCond(&c.mu)
	for range workers {
		c.workers.Go(func() { c.work(ctx) })
	}
	return c
}

// do asks q; done is called once, from a worker, or at once with ErrUnavailable
// where the queue is full or closed.
func (c *combiner[Q, A]) do(q Q, done func(A, error)) {
	c.mu.Lock()
	waiters, known := c.waiting[q]
	if c.closed || (!known && len(c.order) >= lookupQueueMax) || len(waiters) >= lookupQueueMax {
		c.mu.Unlock()
		var none A
		done(none, ErrUnavailable)
		return
	}
	c.waiting[q] = append(waiters, done)
	if !known {
		c.order = append(c.order, q)
	}
	c.mu.Unlock()
	c.wake.Signal()
}

// get asks q and waits for the answer.
func (c *combiner[Q, A]) get(ctx context.Context, q Q) (A, error) {
	type answer struct {
		a   A
		err error
	}
	ch := make(chan answer, 1)
	c.do(q, func(a A, err error) { ch <- answer{a, err} })
	select {
	case r := <-ch:
		return r.a, r.err
	case <-ctx.Done():
		var none A
		return none, context.Cause(ctx)
	}
}

// close lets the workers finish what waits and returns when they have ended.
func (c *combiner[Q, A]) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake.Broadcast()
	c.workers.Wait()
}

func (c *combiner[Q, A]) work(ctx context.Context) {
	for {
		qs, waiters := c.take()
		if len(qs) == 0 {
			return
		}
		c.answer(ctx, qs, waiters)
	}
}

// take waits for questions; none means that the combiner is closed.
func (c *combiner[Q, A]) take() ([]Q, [][]func(A, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.order) == 0 && !c.closed {
		c.wake.Wait()
	}
	n := min(len(c.order), c.batchMax)
	qs := append([]Q(nil), c.order[:n]...)
	waiters := make([][]func(A, error), n)
	for i, q := range qs {
		waiters[i] = c.waiting[q]
		delete(c.waiting, q)
	}
	rest := copy(c.order, c.order[n:])
	clear(c.order[rest:])
	c.order = c.order[:rest]
	if rest == 0 && cap(c.order) > 4*c.batchMax {
		c.order = nil // a storm is over: give its memory back
	}
	return qs, waiters
}

func (c *combiner[Q, A]) answer(ctx context.Context, qs []Q, waiters [][]func(A, error)) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	answers, err := c.ask(ctx, qs)
	cancel()
	c.looks.Add(1)
	for i := range qs {
		var a A
		if err == nil {
			a = answers[i]
		}
		c.asked.Add(int64(len(waiters[i])))
		for _, done := range waiters[i] {
			done(a, err)
		}
	}
}
