package room

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/queue"
)

// combiner answers questions in bulk: those that wait while a look into the
// store is under way go together into the next one, and equal ones are asked
// once; those that nobody waits for any more are not asked at all. Its workers are
// its only goroutines; its queue is bounded. Looks are made at the same time by as many
// as there are workers, callers of doAllHere included.
type combiner[Q comparable, A any] struct {
	guard    *contain.Guard
	ask      func(context.Context, []Q) ([]A, error)
	batchMax int
	life     context.Context // of the looks
	looking  chan struct{}   // one element for each look under way
	looks    atomic.Int64    // looks into the store
	asked    atomic.Int64    // questions answered by them
	workers  sync.WaitGroup

	mu      sync.Mutex
	waiting map[Q][]asker[A]
	order   *queue.Queue[Q] // the keys of waiting, oldest first. Under mu, but for the wait
}

// asker waits for an answer.
type asker[A any] struct {
	left  func() bool // nil: stays
	until time.Time   // waits no longer; zero: as long as a look may take
	done  func(A, error)
}

// newCombiner starts the given number of workers.
func newCombiner[Q comparable, A any](ctx context.Context, guard *contain.Guard, workers, batchMax int, ask func(context.Context, []Q) ([]A, error)) *combiner[Q, A] {
	c := &combiner[Q, A]{
		guard: guard, ask: ask, batchMax: batchMax, life: ctx, looking: make(chan struct{}, workers),
		waiting: make(map[Q][]asker[A]), order: queue.New[Q](lookupQueueMax, math.MaxInt, nil),
	}
	for range workers {
		c.workers.Go(c.work)
	}
	return c
}

// do asks q; the asker's done is called once, from a worker, or at once with ErrUnavailable
// where the queue is full or closed. left, if there is one, says whether the asker
// has gone, and is called from any goroutine: done is not called then, unless its
// turn had come before.
func (c *combiner[Q, A]) do(q Q, who asker[A]) {
	c.mu.Lock()
	queued := c.put(q, who)
	c.mu.Unlock()
	if !queued {
		var none A
		who.done(none, ErrUnavailable)
	}
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
	for _, i := range refused {
		var none A
		done(i, none, ErrUnavailable)
	}
}

// doAllHere is doAll by a goroutine that may wait: where no question waits, and another look may
// begin, it makes the look itself. So no other goroutine is woken for it.
func (c *combiner[Q, A]) doAllHere(qs []Q, done func(int, A, error)) {
	if len(qs) == 0 || len(qs) > c.batchMax || c.order.Len() > 0 || !c.mayLook() {
		c.doAll(qs, done)
		return
	}
	defer func() { <-c.looking }()
	each, askers := make([]asker[A], len(qs)), make([][]asker[A], len(qs))
	for i := range qs {
		each[i].done = func(a A, err error) { done(i, a, err) }
		askers[i] = each[i : i+1 : i+1]
	}
	c.answer(qs, askers)
}

// mayLook begins a look where another one may be under way.
func (c *combiner[Q, A]) mayLook() bool {
	select {
	case c.looking <- struct{}{}:
		return true
	default:
		return false
	}
}

// doAndNext is do, and asks what comes next in the same look, as far as that has room. Nobody is
// told the answers to that, and it keeps no question of others waiting for a look more.
func (c *combiner[Q, A]) doAndNext(q Q, next []Q, who asker[A]) {
	unheard := asker[A]{left: who.left, done: func(A, error) {}}
	c.mu.Lock()
	queued := c.put(q, who)
	for _, q := range next {
		if c.order.Len() < c.batchMax {
			c.put(q, unheard)
		}
	}
	c.mu.Unlock()
	if !queued {
		var none A
		who.done(none, ErrUnavailable)
	}
}

// put queues a question under c.mu. One that waits already gets a further asker.
func (c *combiner[Q, A]) put(q Q, who asker[A]) bool {
	askers, known := c.waiting[q]
	if len(askers) >= lookupQueueMax || !known && !c.order.Put(q) {
		return false
	}
	c.waiting[q] = append(askers, who)
	return true
}

// get asks q and waits for the answer, or for the context's end.
func (c *combiner[Q, A]) get(ctx context.Context, q Q) (A, error) {
	return answerOf(ctx, func(who asker[A]) { c.do(q, who) })
}

// answerOf waits for the answer to what ask asks, or for the context's end. What asks the
// store ends with the context's deadline, too, unless others wait for it.
func answerOf[A any](ctx context.Context, ask func(asker[A])) (A, error) {
	type answer struct {
		a   A
		err error
	}
	ch := make(chan answer, 1)
	until, _ := ctx.Deadline()
	ask(asker[A]{func() bool { return ctx.Err() != nil }, until, func(a A, err error) { ch <- answer{a, err} }})
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
	c.order.Close()
	c.workers.Wait()
}

func (c *combiner[Q, A]) work() {
	for c.order.Wait(context.Background()) {
		c.looking <- struct{}{}
		if qs, askers := c.take(); len(qs) > 0 {
			c.answer(qs, askers)
		}
		<-c.looking
	}
}

// take returns the questions for the next look, and who asked them: none where all
// have left, or another worker was faster.
func (c *combiner[Q, A]) take() (qs []Q, askers [][]asker[A]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(qs) < c.batchMax {
		next := c.order.Take(nil, c.batchMax-len(qs))
		if len(next) == 0 {
			break
		}
		for _, q := range next {
			here := slices.DeleteFunc(c.waiting[q], func(a asker[A]) bool { return a.gone(c.guard) })
			delete(c.waiting, q)
			if len(here) > 0 {
				qs, askers = append(qs, q), append(askers, here)
			}
		}
	}
	return qs, askers
}

// gone says whether an asker has left.
func (a *asker[A]) gone(guard *contain.Guard) (gone bool) {
	if a.left != nil {
		_ = guard.Call("asker", func() { gone = a.left() })
	}
	return gone
}

// answer asks the store and tells the askers.
func (c *combiner[Q, A]) answer(qs []Q, askers [][]asker[A]) {
	end := newLookEnd()
	for i := range askers {
		for _, asker := range askers[i] {
			end.await(asker.until)
		}
	}
	ctx, cancel := context.WithDeadline(c.life, end.at)
	answers, errs := inParts(ctx, c.guard, qs, c.ask)
	cancel()
	c.looks.Add(1)
	for i := range qs {
		var err error
		if errs != nil {
			err = unavailable(errs[i])
		}
		c.asked.Add(int64(len(askers[i])))
		for _, asker := range askers[i] {
			_ = c.guard.Call("asker", func() { asker.done(answers[i], err) })
		}
	}
}

// lookEnd finds when a look ends: when nobody waits for it any more, or it has taken too
// long.
type lookEnd struct{ at, latest time.Time }

func newLookEnd() lookEnd { return lookEnd{latest: time.Now().Add(lookupTimeout)} }

// await notes that somebody waits until then; zero: for as long as it may take.
func (e *lookEnd) await(until time.Time) {
	if until.IsZero() || until.After(e.latest) {
		until = e.latest
	}
	if until.After(e.at) {
		e.at = until
	}
}
