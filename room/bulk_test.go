package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/contain"
)

func newTestBulk(workers int) (*bulkReads, *counters) {
	var c counters
	return newBulkReads(context.Background(), contain.New("room", slog.New(slog.DiscardHandler)), &c, workers, bulkLineMax), &c
}

// TestUsersReadInTurn has one user ask for much and others for little after it.
func TestUsersReadInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBulk(1)
		defer b.close()
		var order []string
		ask := func(user byte, n int) {
			for i := range n {
				if err := b.put(uuid.UUID{user}, func(context.Context) {
					time.Sleep(time.Second)
					order = append(order, fmt.Sprintf("%c%d", user, i))
				}); err != nil {
					t.Error(err)
				}
			}
		}
		ask('a', 5)
		synctest.Wait() // the first of a is under way
		ask('b', 2)
		ask('c', 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(order, " "); got != "a0 b0 c0 a1 b1 a2 a3 a4" {
			t.Errorf("read in the order %s", got)
		}
	})
}

func TestOneUserHasNotAllTheTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBulk(4)
		defer b.close()
		let := make(chan struct{})
		for range 10 {
			_ = b.put(uuid.UUID{'a'}, func(context.Context) { <-let })
		}
		synctest.Wait()
		if underWay, waiting := b.now(); underWay != 2 || waiting != 8 {
			t.Errorf("%d of one user are under way, %d wait", underWay, waiting)
		}
		done := false
		_ = b.put(uuid.UUID{'b'}, func(context.Context) { done = true })
		synctest.Wait()
		if !done {
			t.Error("another user waits")
		}
		close(let)
		synctest.Wait()
		if len(b.lines) != 0 || b.underWay != 0 || b.waiting != 0 {
			t.Errorf("%d lines are left, %d under way, %d waiting", len(b.lines), b.underWay, b.waiting)
		}
	})
}

func TestALineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newTestBulk(1)
		defer b.close()
		let := make(chan struct{})
		var refused error
		for range bulkLineMax + 2 {
			refused = b.put(uuid.UUID{'a'}, func(context.Context) { <-let })
			synctest.Wait()
		}
		if !errors.Is(refused, ErrRateLimited) || c.ReadsOverLine.Load() != 1 {
			t.Errorf("a full line: %v, %d counted", refused, c.ReadsOverLine.Load())
		}
		if err := b.put(uuid.UUID{'b'}, func(context.Context) {}); err != nil {
			t.Errorf("another user: %v", err)
		}
		close(let)
	})
}

// TestBusyIsNotUnreachable lets reads wait for longer than they may, and take longer.
func TestBusyIsNotUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newTestBulk(1)
		defer b.close()
		slow := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, fmt.Errorf("store: %w: %w", ErrStoreDown, context.Cause(ctx))
		}
		errs := make(chan error, 3)
		for user := range 3 {
			go func() {
				_, err := bulk(t.Context(), b, uuid.UUID{byte(user)}, slow)
				errs <- err
			}()
		}
		for range 3 {
			if err := <-errs; !errors.Is(err, ErrBusy) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		if n := c.ReadsBusy.Load(); n != 3 {
			t.Errorf("%d are counted", n)
		}
	})
}

// TestNothingIsReadForACallThatHasEnded has a call end while it waits for its turn.
func TestNothingIsReadForACallThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBulk(1)
		defer b.close()
		let := make(chan struct{})
		_ = b.put(uuid.UUID{'b'}, func(context.Context) { <-let })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		read := false
		go func() {
			_, _ = bulk(ctx, b, uuid.UUID{'a'}, func(context.Context) (int, error) {
				read = true
				return 0, nil
			})
		}()
		synctest.Wait()
		cancel()
		close(let)
		synctest.Wait()
		if underWay, waiting := b.now(); read || underWay+waiting > 0 {
			t.Errorf("read: %v; %d under way, %d wait", read, underWay, waiting)
		}
	})
}

func TestAPanicInAReadAnswersIt(t *testing.T) {
	b, _ := newTestBulk(2)
	defer b.close()
	for range 3 {
		if _, err := bulk(t.Context(), b, uuid.Nil, func(context.Context) (int, error) { panic("in a test") }); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
}

// TestWhatGoesTogetherKeepsToTheLines: a look takes what comes first in the lines, up to what
// goes alone, and no more of one user than else.
func TestWhatGoesTogetherKeepsToTheLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBulk(1)
		defer b.close()
		var order []string
		b.together = func(_ context.Context, reads []*sinceRead) {
			time.Sleep(time.Second)
			var look []string
			for _, r := range reads {
				look = append(look, fmt.Sprint(r.query.Since))
			}
			order = append(order, strings.Join(look, "+"))
		}
		put := func(user byte, since int64) {
			if err := b.putTogether(uuid.UUID{user}, &sinceRead{query: SinceQuery{Since: since}}); err != nil {
				t.Error(err)
			}
		}
		let := make(chan struct{})
		_ = b.put(uuid.UUID{'z'}, func(context.Context) { <-let })
		synctest.Wait()
		for i := range int64(3) {
			put('a', 10+i)
		}
		put('b', 20)
		_ = b.put(uuid.UUID{'c'}, func(context.Context) { order = append(order, "alone") })
		put('c', 31)
		put('d', 40)
		close(let)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(order, " "); got != "10+20 alone 40+11+31 12" {
			t.Errorf("read in the order %s", got)
		}
		if underWay, waiting := b.now(); len(b.lines)+underWay+waiting != 0 {
			t.Errorf("%d lines are left, %d under way, %d waiting", len(b.lines), underWay, waiting)
		}
	})
}
