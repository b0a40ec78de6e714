package app

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// demoTokens are those of the demo page. A random key of this process signs them, so
// that none of them opens another server. Tokens by the secret of --dev count as well:
// those are `caravan token --dev`'s.
type demoTokens struct {
	config token.Config
	demo   *token.Verifier
	others *keys
}

// demoKeyBytes is how long the key is.
const demoKeyBytes = 32

// authenticator is who checks tokens.
func (a *App) authenticator(ctx context.Context) (room.Authenticator, error) {
	if !a.cfg.Dev {
		return &a.tokens, nil
	}
	config := a.cfg.JWT
	config.Secret = make([]byte, demoKeyBytes)
	_, _ = rand.Read(config.Secret) // never fails: the program ends where there is no randomness
	demo, err := token.New(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("demo tokens: %w", err)
	}
	a.demo = &demoTokens{config, demo, &a.tokens}
	return a.demo, nil
}

// Verify implements room.Authenticator.
func (t *demoTokens) Verify(ctx context.Context, bearer string) (token.Identity, error) {
	if id, err := t.demo.VerifyNow(bearer); err == nil {
		return id, nil
	}
	return t.others.Verify(ctx, bearer)
}

// VerifyNow implements room.Authenticator.
func (t *demoTokens) VerifyNow(bearer string) (token.Identity, error) {
	if id, err := t.demo.VerifyNow(bearer); err == nil {
		return id, nil
	}
	return t.others.VerifyNow(bearer)
}
