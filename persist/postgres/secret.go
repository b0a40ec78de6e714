package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

const (
	readSecret = `SELECT value FROM chat_secrets WHERE name = $1`
	makeSecret = `INSERT INTO chat_secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`
)

// Secret returns the secret of that name, which all nodes on this database share. The
// first call makes it, and so does the first one after somebody deleted it.
func (s *Store) Secret(ctx context.Context, name string) (secret []byte, err error) {
	err = s.readers.QueryRow(ctx, readSecret, name).Scan(&secret)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err = s.readers.Exec(ctx, makeSecret, name, persist.NewSecret()); err == nil {
			err = s.readers.QueryRow(ctx, readSecret, name).Scan(&secret) // whoever made it
		}
	}
	if err != nil {
		return nil, fault("secret", err)
	}
	return secret, nil
}
