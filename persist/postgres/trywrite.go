package postgres

import (
	"context"

	"github.com/google/uuid"
)

// writeNothingNew writes the room's row as it stands, if there is one. The barrier is
// for where there is none.
const writeNothingNew = `WITH written AS (UPDATE chat_rooms SET last_seq = last_seq WHERE id = $1) ` + barrier

// TryWrite implements room.Store. It takes a writer's connection and the room's lock, and
// waits for the standbys, as Append does. One that is given up is canceled: no session
// goes on waiting. A room that somebody keeps locked says nothing of the others: then the barrier alone counts.
func (s *Store) TryWrite(ctx context.Context, id uuid.UUID) error {
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return fault("try to write", err)
	}
	defer conn.Release()
	_, err = conn.Exec(ctx, writeNothingNew, [16]byte(id))
	if hasCode(err, codeLockTimeout) {
		s.heed(ctx, conn, err)
		_, err = conn.Exec(ctx, barrier)
	}
	if err = watchOf(conn.Conn()).verdict(err); err == nil {
		err = s.primary.superseded(identityOf(conn.Conn()))
	}
	if err != nil {
		s.heed(ctx, conn, err)
		return fault("try to write", err)
	}
	return nil
}
