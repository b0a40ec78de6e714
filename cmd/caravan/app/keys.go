package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/caravan-chat/caravan/protocol/token"
)

// keys check tokens by keys that may be exchanged. It is safe for concurrent use.
type keys struct {
	now  atomic.Pointer[token.Verifier]
	sets sync.Mutex
}

// set has all tokens from now on checked by the keys of c. Those behind the URL of before
// stay; the first ones may be waited for, and later another URL's must come, before ctx ends.
// A server that stops, and still serves, asks for them on: close ends that.
func (k *keys) set(ctx context.Context, c token.Config) (err error) {
	k.sets.Lock()
	defer k.sets.Unlock()
	old, next := k.now.Load(), (*token.Verifier)(nil)
	if old == nil {
		next, err = token.New(context.WithoutCancel(ctx), c)
	} else {
		next, err = old.Next(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	if k.now.Store(next); old != nil {
		old.Close()
	}
	return nil
}

// close ends the asking for keys; those that are known stay good.
func (k *keys) close() {
	if v := k.now.Load(); v != nil {
		v.Close()
	}
}

// Verify implements room.Authenticator.
func (k *keys) Verify(ctx context.Context, bearer string) (token.Identity, error) {
	return k.now.Load().Verify(ctx, bearer)
}

// VerifyNow implements room.Authenticator.
func (k *keys) VerifyNow(bearer string) (token.Identity, error) {
	return k.now.Load().VerifyNow(bearer)
}
