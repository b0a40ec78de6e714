package room

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/contain"
)

// bulkReads does what clients ask to read: so much at once on the node, and less of
// each user. What waits stands in a line for each user. The lines are served one after
// another, so that nobody waits behind all that somebody else asks for. Its workers
// are its only goroutines; each line, and all of them together, are bounded. What is made
// for clients of what is in memory is done by another one, without the store.
type bulkReads struct {
	guard   *contain.Guard
	stats   *counters
	perUser int // of a user at once
	lineMax int // of a user that wait
	workers sync.WaitGroup

	mu       sync.Mutex
	some     sync.Cond           // something may be done, or closed
	lines    map[uuid.UUID]*line // of those who have something that waits or is under way
	next     list.List           // of *line: those that may be served, in this order
	waiting  int
	underWay int
	closed   bool
}

// line is what one user asks to read.
type line struct {
	user     uuid.UUID
	waiting  []func(context.Context) // oldest first
	underWay int
	listed   bool // in next
}

// newBulkReads starts so many workers, and lets so many of one user wait. What they do
// ends with ctx.
func newBulkReads(ctx context.Context, guard *contain.Guard, stats *counters, workers, lineMax int) *bulkReads {
	b := &bulkReads{guard: guard, stats: stats, perUser: min(max(1, workers/2), bulkUnderWayMax), lineMax: lineMax, lines: make(map[uuid.UUID]*line)}
	b.some.L = &b.mu
	for range workers {
		b.workers.Go(func() { b.work(ctx) })
	}
	return b
}

// put has do called, with a context that ends when the read has taken too long, once
// it is the user's turn. Its error says that too much waits already: of the user
// (ErrRateLimited), or of all (ErrBusy).
func (b *bulkReads) put(user uuid.UUID, do func(context.Context)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lines[user]
	switch {
	case b.closed:
		return ErrUnavailable
	case l != nil && len(l.waiting) >= b.lineMax:
		b.stats.ReadsOverLine.Add(1)
		return ErrRateLimited
	case b.waiting >= lookupQueueMax:
		b.stats.ReadsBusy.Add(1)
		return ErrBusy
	case l == nil:
		l = &line{user: user}
		b.lines[user] = l
	}
	l.waiting = append(l.waiting, do)
	b.waiting++
	b.list(l)
	return nil
}

// list puts a line among those that may be served, if it may, under b.mu.
func (b *bulkReads) list(l *line) {
	if l.listed || len(l.waiting) == 0 || l.underWay >= b.perUser {
		return
	}
	l.listed = true
	b.next.PushBack(l)
	b.some.Signal()
}

func (b *bulkReads) work(ctx context.Context) {
	for l, do := b.take(); l != nil; l, do = b.take() {
		_ = b.guard.Call("bulk read", func() {
			ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
			defer cancel()
			do(ctx)
		})
		b.done(l)
	}
}

// take waits for what is next. No line means that all is done, and closed.
func (b *bulkReads) take() (*line, func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.next.Len() == 0 {
		if b.closed && b.waiting == 0 {
			return nil, nil
		}
		b.some.Wait()
	}
	l := b.next.Remove(b.next.Front()).(*line)
	do := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	l.listed = false
	l.underWay++
	b.waiting--
	b.underWay++
	b.list(l)
	return l, do
}

// done follows what take returned.
func (b *bulkReads) done(l *line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay--
	l.underWay--
	b.list(l)
	if len(l.waiting) == 0 && l.underWay == 0 {
		delete(b.lines, l.user)
	}
	if b.closed {
		b.some.Broadcast() // it was perhaps the last one
	}
}

// close lets the workers do what waits and returns when they have ended.
func (b *bulkReads) close() {
	b.mu.Lock()
	b.closed = true
	b.some.Broadcast()
	b.mu.Unlock()
	b.workers.Wait()
}

// now returns how many reads are under way, and how many wait.
func (b *bulkReads) now() (underWay, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.underWay, b.waiting
}

// bulkAsker waits for the answer to a bulk read.
type bulkAsker[A any] struct {
	asker[A]
	asked time.Time
}

// present returns those who still wait. Who has waited for too long is told so.
func present[A any](b *bulkReads, askers []bulkAsker[A]) []bulkAsker[A] {
	here := askers[:0]
	for _, a := range askers {
		switch {
		case a.gone(b.guard):
			if !a.until.IsZero() && !time.Now().Before(a.until) {
				b.stats.ReadsBusy.Add(1)
			}
		case time.Since(a.asked) > bulkWaitMax:
			b.stats.ReadsBusy.Add(1)
			var none A
			_ = b.guard.Call("asker", func() { a.done(none, ErrBusy) })
		default:
			here = append(here, a)
		}
	}
	return here
}

// bulkLook looks into the store. That the time is up before it answers means that the
// database is busy: whether it can be reached at all, others find out.
func bulkLook[A any](ctx context.Context, b *bulkReads, read func(context.Context) (A, error)) (answer A, err error) {
	err = b.guard.Run("look into the store", func() (err error) {
		answer, err = read(ctx)
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		b.stats.ReadsBusy.Add(1)
		err = fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return answer, unavailable(err)
}

// bulk has read done when it is the user's turn, and waits for its answer, or for the
// context's end. What has begun is given up at the context's deadline, and not before:
// PostgreSQL would lose its connection by that.
func bulk[A any](ctx context.Context, b *bulkReads, user uuid.UUID, read func(context.Context) (A, error)) (A, error) {
	return answerOf(ctx, func(who asker[A]) {
		one := []bulkAsker[A]{{who, time.Now()}}
		err := b.put(user, func(ctx context.Context) {
			if len(present(b, one)) == 0 {
				return
			}
			end := newLookEnd()
			end.await(who.until)
			ctx, cancel := context.WithDeadline(ctx, end.at)
			defer cancel()
			who.done(bulkLook(ctx, b, read))
		})
		if err != nil {
			var none A
			who.done(none, err)
		}
	})
}
