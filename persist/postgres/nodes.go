package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/room"
)

// noteNode has the table forget rows of nodes that are gone. Its clock is that of the
// database alone.
const noteNode = `WITH noted AS (INSERT INTO chat_nodes (id, seen_at, carried, name, up, began_at)
			VALUES ($1, clock_timestamp(), $2, $3, $4, clock_timestamp() - $4::interval)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, carried = excluded.carried, name = excluded.name, up = excluded.up
		RETURNING id, seen_at, carried, name, up, began_at),
	gone AS (DELETE FROM chat_nodes WHERE seen_at < clock_timestamp() - interval '1 minute' AND id <> $1)
	SELECT id, name, CASE WHEN up > '0' THEN up + (clock_timestamp() - seen_at) ELSE up END, carried FROM (
		SELECT id, seen_at, carried, name, up, began_at FROM noted
		UNION ALL
		SELECT id, seen_at, carried, name, up, began_at FROM chat_nodes
			WHERE id <> $1 AND carried AND seen_at > clock_timestamp() - $5::interval) n
	ORDER BY began_at, id LIMIT $6`

// NoteNode notes that a node lives. It returns the nodes, at most so many, that have
// noted lately that they live and that their own heartbeats come back from Redis, and the node
// itself: the one that has been running longest first, in the same order for all of them.
func (s *Store) NoteNode(ctx context.Context, node room.Neighbour, lately time.Duration, most int) ([]room.Neighbour, error) {
	rows, err := s.readers.Query(ctx, noteNode, [16]byte(node.ID), node.Carried, node.Name, node.Up, lately, most)
	if err != nil {
		return nil, fault("note node", err)
	}
	nodes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n room.Neighbour, err error) {
		err = row.Scan((*[16]byte)(&n.ID), &n.Name, &n.Up, &n.Carried)
		return n, err
	})
	if err != nil {
		return nil, fault("note node", err)
	}
	return nodes, nil
}
