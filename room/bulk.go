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
// another, so that nobody waits behind all that somebody else asks for. What may be read together
// goes into one look, where it comes right behind one another. Its workers
// are its only goroutines; each line, and all of them together, are bounded. What is made
// for clients of what is in memory is done by another one, without the store.
type bulkReads struct {
	guard   *contain.Guard
	stats   *counters
	perUser int // of a user at once
	lineMax int // of a user that wait
	workers sync.WaitGroup

	together func(context.Context, []*sinceRead) // static before the first putTogether

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
	waiting  []bulkRead // oldest first
	underWay int
	listed   bool // in next
}

// bulkRead is one read in a line: one of the two.
type bulkRead struct {
	alone    func(context.Context)
	together *sinceRead // with others, in one look
}

// turn is a read whose turn it is, and its line.
type turn struct {
	bulkRead
	line *line
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
	return b.putRead(user, bulkRead{alone: do})
}

// putTogether is put for what may go into one look with others, without a context that ends.
func (b *bulkReads) putTogether(user uuid.UUID, read *sinceRead) error {
	return b.putRead(user, bulkRead{together: read})
}

func (b *bulkReads) putRead(user uuid.UUID, read bulkRead) error {
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
	l.waiting = append(l.waiting, read)
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
	for turns := b.take(nil); len(turns) > 0; turns = b.take(turns[:0]) {
		_ = b.guard.Call("bulk read", func() { b.read(ctx, turns) })
		b.done(turns)
		clear(turns)
	}
}

// read does what take returned.
func (b *bulkReads) read(ctx context.Context, turns []turn) {
	if alone := turns[0].alone; alone != nil {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		alone(ctx)
		return
	}
	reads := make([]*sinceRead, len(turns))
	for i := range turns {
		reads[i] = turns[i].together
	}
	b.together(ctx, reads)
}

// take waits for what is next, and appends it to turns: one read, or several that go together.
// None means that all is done, and closed.
func (b *bulkReads) take(turns []turn) []turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.next.Len() == 0 {
		if b.closed && b.waiting == 0 {
			return turns
		}
		b.some.Wait()
	}
	turns = append(turns, b.first())
	for turns[0].together != nil && len(turns) < togetherMax && b.next.Len() > 0 {
		if b.next.Front().Value.(*line).waiting[0].together == nil {
			break
		}
		turns = append(turns, b.first())
	}
	return turns
}

// first takes the first read of the first line, under b.mu. There is one.
func (b *bulkReads) first() turn {
	l := b.next.Remove(b.next.Front()).(*line)
	read := l.waiting[0]
	l.waiting[0] = bulkRead{}
	l.waiting = l.waiting[1:]
	l.listed = false
	l.underWay++
	b.waiting--
	b.underWay++
	b.list(l)
	return turn{read, l}
}

// done follows what take returned.
func (b *bulkReads) done(turns []turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay -= len(turns)
	for _, t := range turns {
		l := t.line
		l.underWay--
		b.list(l)
		if len(l.waiting) == 0 && l.underWay == 0 {
			delete(b.lines, l.user)
		}
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
	return answer, b.busy(err)
}

// busy is what who asked is told of an error of a look.
func (b *bulkReads) busy(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		b.stats.ReadsBusy.Add(1)
		err = fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return unavailable(err)
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
