package room

import (
	"context"
	"math"
	"sync"

	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room/queue"
)

// keyWaiters are clients whose tokens name an unknown key. They wait while the keys
// are asked for. Anybody can make such a token, so nobody else waits with them, and there
// are few of them.
type keyWaiters struct {
	admission *admission
	queue     *queue.Queue[entering] // those who enter
	workers   sync.WaitGroup
	calls     chan struct{} // one element for each call that waits
}

// newKeyWaiters starts the workers. What they ask for ends with ctx.
func newKeyWaiters(ctx context.Context, a *admission) *keyWaiters {
	k := &keyWaiters{admission: a, queue: queue.New[entering](keyWaitersMax, math.MaxInt, nil), calls: make(chan struct{}, keyCallsMax)}
	for range keyWorkers {
		k.workers.Go(func() { k.work(ctx) })
	}
	return k
}

// put lets a client wait for its token's key, or answers it where too many wait.
func (k *keyWaiters) put(e entering) {
	if !k.queue.Put(e) {
		k.admission.unavailable(&e, ErrUnavailable)
	}
}

// work checks tokens, each of which may wait for its key, until the queue is closed.
func (k *keyWaiters) work(ctx context.Context) {
	verify := func(bearer string) (token.Identity, error) { return k.admission.s.verify.Verify(ctx, bearer) }
	for k.queue.Wait(context.Background()) {
		for _, e := range k.queue.Take(nil, 1) {
			if err := k.admission.check(&e, verify); err != nil {
				k.admission.refuse(&e, err)
				continue
			}
			k.admission.ask([]entering{e})
		}
	}
}

// verify checks the token of a call, which waits for its key, or not where too many do.
func (k *keyWaiters) verify(ctx context.Context, bearer string) (token.Identity, error) {
	select {
	case k.calls <- struct{}{}:
		defer func() { <-k.calls }()
		return k.admission.s.verify.Verify(ctx, bearer)
	default:
		return token.Identity{}, token.ErrKeysAway
	}
}

// close lets the workers finish what waits and returns when they have ended.
func (k *keyWaiters) close() {
	k.queue.Close()
	k.workers.Wait()
}
