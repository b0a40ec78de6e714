package room

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// combiner answers questions in bulk: those that wait while a look into the
// store is under way go together into the next one, and equal ones are asked
// once; those that nobody waits for any more are not asked at all. Its workers are
// its only goroutines; its queue is bounded.
type combiner[Q comparable, A any] struct {
	ask      func(context.Context, []Q) ([]A, error)
	looks    atomic.Int64 // looks into the store
	asked    atomic.Int64 // questions answered by them
	mu       sync.Mutex
	waiting  map[Q][]asker[A]
	order    []Q // the keys of waiting, oldest first
	wake     *sync.Cond
	closed   bool
	workers  sync.WaitGroup
	batchMax int
}

// asker waits for an answer.
type asker[A any] struct {
	left func() bool // nil: stays
	done func(A, error)
}

func (a asker[A]) gone() bool { return a.left != nil && a.left() }

// newCombiner starts the given number of workers.
func newCombiner[Q comparable, A any](ctx context.Context, workers, batchMax int, ask func(context.Context, []Q) ([]A, error)) *combiner[Q, A] {
	c := &combiner[Q, A]{ask: ask, waiting: make(map[Q][]asker[A]), batchMax: batchMax}
	c.wake = sync.NewCond(&c.mu)
	for range workers {
		c.workers.Go(func() { c.work(ctx) })
	}
	return c
}

// do asks q; done is called once, from a worker, or at once with ErrUnavailable
// where the queue is full or closed. left, if there is one, says whether the asker
// has gone, and is called from any goroutine: done is not called then, unless its
// turn had come before.
func (c *combiner[Q, A]) do(q Q, left func() bool, done func(A, error)) {
	c.mu.Lock()
	queued := c.put(q, asker[A]{left, done})
	c.mu.Unlock()
	if !queued {
		var none A
		done(none, ErrUnavailable)
		return
	}
	c.wake.Signal()
}

// doAll asks several questions that go into one look, if that has room for them.
// done is called for each of them, by its index, as do calls it.
func (c *combiner[Q, A]) doAll(qs []Q, done func(int, A, error)) {
	var refused []int
	c.mu.Lock()
	for i, q := range qs {
		if !c.put(q, asker[A]{done: func(a A, err error) { done(i, a, err) }}) {
			refused = append(refused, i)
		}
	}
	c.mu.Unlock()
	c.wake.Signal()
	for _, i := range refused {
		var none A
		done(i, none, ErrUnavailable)
	}
}

// put queues a question under c.mu.
func (c *combiner[Q, A]) put(q Q, who asker[A]) bool {
	askers, known := c.waiting[q]
	if c.closed || (!known && len(c.order) >= lookupQueueMax) || len(askers) >= lookupQueueMax {
		return false
	}
	c.waiting[q] = append(askers, who)
	if !known {
		c.order = append(c.order, q)
	}
	return true
}

// get asks q and waits for the answer, or for the context's end.
func (c *combiner[Q, A]) get(ctx context.Context, q Q) (A, error) {
	type answer struct {
		a   A
		err error
	}
	ch := make(chan answer, 1)
	left := func() bool { return ctx.Err() != nil }
	c.do(q, left, func(a A, err error) { ch <- answer{a, err} })
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
		qs, askers := c.take()
		if len(qs) == 0 {
			return
		}
		c.answer(ctx, qs, askers)
	}
}

// take waits for questions; none means that the combiner is closed.
func (c *combiner[Q, A]) take() (qs []Q, askers [][]asker[A]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(qs) < c.batchMax {
		if len(c.order) == 0 {
			c.order = nil // a storm is over: give its memory back
			if len(qs) > 0 || c.closed {
				break
			}
			c.wake.Wait()
			continue
		}
		q := c.order[0]
		c.order = c.order[1:]
		if present := slices.DeleteFunc(c.waiting[q], asker[A].gone); len(present) > 0 {
			qs, askers = append(qs, q), append(askers, present)
		}
		delete(c.waiting, q)
	}
	return qs, askers
}

func (c *combiner[Q, A]) answer(ctx context.Context, qs []Q, askers [][]asker[A]) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	answers, errs := inParts(ctx, qs, c.ask)
	cancel()
	c.looks.Add(1)
	for i := range qs {
		var err error
		if errs != nil {
			err = errs[i]
		}
		c.asked.Add(int64(len(askers[i])))
		for _, asker := range askers[i] {
			asker.done(answers[i], err)
		}
	}
}
