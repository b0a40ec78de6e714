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

// set has all tokens from now on checked by the keys of c. A token that is being checked
// waits no longer for a key of the former ones.
func (k *keys) set(ctx context.Context, c token.Config) error {
	k.sets.Lock()
	defer k.sets.Unlock()
	v, err := token.New(ctx, c)
	if err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	if old := k.now.Swap(v); old != nil {
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
