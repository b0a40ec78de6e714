package sqlite

import (
	"context"

	"github.com/caravan-chat/caravan/persist"
)

// Secret returns the secret of that name, which is stored in the file. The first call
// makes it, and so does the first one after somebody deleted it.
func (s *Store) Secret(ctx context.Context, name string) (secret []byte, err error) {
	const makeOne = `INSERT INTO chat_secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`
	if _, err := s.writer.ExecContext(ctx, makeOne, name, persist.NewSecret()); err != nil {
		return nil, unreachable(err)
	}
	if err := s.writer.QueryRowContext(ctx, `SELECT value FROM chat_secrets WHERE name = ?`, name).Scan(&secret); err != nil {
		return nil, unreachable(err)
	}
	return secret, nil
}
