package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// noteNode has the table forget rows of nodes that are gone.
const noteNode = `WITH noted AS (INSERT INTO chat_nodes (id, seen_at, carried) VALUES ($1, clock_timestamp(), $2)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, carried = excluded.carried),
	gone AS (DELETE FROM chat_nodes WHERE seen_at < clock_timestamp() - interval '1 minute')
	SELECT id FROM chat_nodes WHERE id <> $1 AND carried AND seen_at > clock_timestamp() - $3::interval LIMIT $4`

// NoteNode notes that a node lives, and whether its own heartbeats come back from Redis.
// It returns other nodes, at most so many, of which both has been noted lately.
func (s *Store) NoteNode(ctx context.Context, node uuid.UUID, carried bool, lately time.Duration, most int) ([]uuid.UUID, error) {
	rows, err := s.readers.Query(ctx, noteNode, [16]byte(node), carried, lately, most)
	if err != nil {
		return nil, fault("note node", err)
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		return nil, fault("note node", err)
	}
	ids := make([]uuid.UUID, len(others))
	for i, id := range others {
		ids[i] = id
	}
	return ids, nil
}
