package sqlite

import (
	"context"

	"github.com/google/uuid"
)

// Deployment returns an id that is stored in the file; the first call makes it. A
// copy of the file has the same.
func (s *Store) Deployment(ctx context.Context) (id uuid.UUID, err error) {
	const makeOne = `INSERT INTO chat_deployment (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM chat_deployment)`
	if _, err := s.writer.ExecContext(ctx, makeOne, uuid.NewString()); err != nil {
		return id, unreachable(err)
	}
	if err := s.writer.QueryRowContext(ctx, `SELECT id FROM chat_deployment ORDER BY id LIMIT 1`).Scan(&id); err != nil {
		return id, unreachable(err)
	}
	return id, nil
}
