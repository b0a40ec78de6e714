package backplane

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// keyRing has the key that this node signs with, and the one before it, for envelopes
// of nodes that do not know the present one yet. It is safe for concurrent use; renew
// runs in one goroutine.
type keyRing struct {
	// Static after construction.
	deployment uuid.UUID
	names      names
	missed     chan struct{} // has one element after an unknown key was met

	secret  []byte // of the present key; renew's alone
	present atomic.Pointer[key]
	former  atomic.Pointer[formerKey]
}

// formerKey counts for a while.
type formerKey struct {
	*key
	until time.Time
}

func newKeyRing(secret []byte, deployment uuid.UUID, of names) (*keyRing, error) {
	k, err := newKey(secret, deployment, of)
	if err != nil {
		return nil, err
	}
	r := &keyRing{deployment: deployment, names: of, missed: make(chan struct{}, 1), secret: secret}
	r.present.Store(k)
	return r, nil
}

// sign signs an envelope in place and returns it.
func (r *keyRing) sign(p []byte) []byte { return r.present.Load().sign(p, time.Now()) }

// find returns the key of that id. For one that is not known it returns nil, and has
// the secret looked up again.
func (r *keyRing) find(id keyID, now time.Time) *key {
	if k := r.present.Load(); k.id == id {
		return k
	}
	if k := r.former.Load(); k != nil && k.id == id && now.Before(k.until) {
		return k.key
	}
	select {
	case r.missed <- struct{}{}:
	default:
	}
	return nil
}

// replace makes the key of a secret the present one, and returns false where it is
// that already.
func (r *keyRing) replace(secret []byte, now time.Time) (replaced bool, err error) {
	if bytes.Equal(secret, r.secret) {
		return false, nil
	}
	k, err := newKey(secret, r.deployment, r.names)
	if err != nil {
		return false, err
	}
	r.former.Store(&formerKey{r.present.Load(), now.Add(formerKeyLife)})
	r.present.Store(k)
	r.secret = secret
	return true, nil
}

// renewKey looks the deployment's secret up every now and then, and after an unknown
// key was met, until ctx ends.
func (b *Backplane) renewKey(ctx context.Context) {
	tick := time.NewTicker(keyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-b.keys.missed:
		case <-ctx.Done():
			return
		}
		b.lookUpKey(ctx)
		pause(ctx, keyPause) // whatever strangers publish
	}
}

// lookUpKey looks the secret up once. Where that fails the present key goes on.
func (b *Backplane) lookUpKey(ctx context.Context) {
	look, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	secret, err := b.cfg.LookUp(look)
	if ctx.Err() != nil {
		return
	}
	replaced := false
	if err == nil {
		replaced, err = b.keys.replace(secret, time.Now())
	}
	if err != nil {
		b.stats.keyErrors.Add(1)
	}
	if replaced {
		b.log.Info("notices between nodes are signed with a new key")
	}
	switch tell, failures, lasted := b.keying.is(err, b.now()); {
	case tell && err != nil:
		b.log.Warn("the secret of the notices between nodes cannot be looked up: that somebody replaced it is not noticed",
			"error", err, "failures", failures, "for", lasted.Round(time.Second))
	case tell:
		b.log.Info("the secret of the notices between nodes can be looked up again", "failures", failures, "after", lasted.Round(time.Second))
	}
}
