package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// Attachment implements room.AttachmentStore.
func (s *Store) Attachment(ctx context.Context, id uuid.UUID) (a room.StoredAttachment, err error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return a, unreachable(err)
	}
	defer done()
	return attachmentIn(ctx, s.read.db, id)
}

// Attachments implements room.AttachmentStore.
func (s *Store) Attachments(ctx context.Context, after uuid.UUID, limit int) ([]room.StoredAttachment, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	return attachmentsIn(ctx, s.read.db, listAttachments, after.String(), limit)
}

// FindAttachments implements room.AttachmentStore.
func (s *Store) FindAttachments(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]room.StoredAttachment, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	return attachmentsOf(ctx, s.read.db, ids)
}

// Attachment is as that of a Store.
func (s *Seeder) Attachment(ctx context.Context, id uuid.UUID) (room.StoredAttachment, error) {
	return attachmentIn(ctx, s.writer, id)
}

// Attachments is as that of a Store.
func (s *Seeder) Attachments(ctx context.Context, after uuid.UUID, limit int) ([]room.StoredAttachment, error) {
	return attachmentsIn(ctx, s.writer, listAttachments, after.String(), limit)
}

// FindAttachments is as that of a Store.
func (s *Seeder) FindAttachments(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]room.StoredAttachment, error) {
	return attachmentsOf(ctx, s.writer, ids)
}

func attachmentIn(ctx context.Context, db *sql.DB, id uuid.UUID) (room.StoredAttachment, error) {
	a, err := scanAttachment(db.QueryRowContext(ctx, selectAttachment, id.String()))
	return a, attachmentFault(err)
}

func attachmentsOf(ctx context.Context, db *sql.DB, ids []uuid.UUID) (map[uuid.UUID]room.StoredAttachment, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	all, err := attachmentsIn(ctx, db, findAttachments, string(list))
	found := make(map[uuid.UUID]room.StoredAttachment, len(all))
	for _, a := range all {
		found[a.ID] = a
	}
	return found, err
}

func attachmentsIn(ctx context.Context, db *sql.DB, statement string, args ...any) (all []room.StoredAttachment, err error) {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, noTables(err, unreachable(err))
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanAttachment(rows)
		if err != nil {
			return nil, unreachable(err)
		}
		all = append(all, a)
	}
	return all, attachmentFault(rows.Err())
}
