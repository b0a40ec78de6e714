package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

const attachmentColumns = `id, chat_room_id, uploader_id, coalesce(message_id, '00000000-0000-0000-0000-000000000000'), state,
	store_key, coalesce(preview_key, ''), name, mime, size, coalesce(width, 0), coalesce(height, 0), sha256, created_at`

const (
	selectAttachment  = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id = ?`
	claimAttachment   = `UPDATE chat_attachments SET message_id = ? WHERE id = ?`
	deleteAttachments = `UPDATE chat_attachments SET state = 'gone' WHERE message_id = ?`

	insertAttachment = `INSERT INTO chat_attachments (id, chat_room_id, uploader_id, state, store_key, name, mime, size, created_at)
	VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?)`
	// sumUploaded counts a preview as the largest that there may be.
	sumUploaded = `SELECT coalesce(sum(size + CASE WHEN preview_key IS NULL THEN 0 ELSE ?3 END), 0) FROM chat_attachments
	WHERE uploader_id = ?1 AND created_at > ?2 AND state = 'ready'`
	selectReady     = `SELECT EXISTS (SELECT 1 FROM chat_attachments WHERE id = ? AND state = 'ready' AND sha256 = ?)`
	readyAttachment = `UPDATE chat_attachments SET state = 'ready', name = ?2, mime = ?3, size = ?4, width = nullif(?5, 0), height = nullif(?6, 0), sha256 = ?7
	WHERE id = ?1 AND state = 'pending'`
	selectPreview  = `SELECT coalesce(preview_key, '') FROM chat_attachments WHERE id = ? AND state = 'ready' AND message_id IS NULL`
	setPreview     = `UPDATE chat_attachments SET preview_key = ? WHERE id = ?`
	endPreview     = `DELETE FROM chat_attachments WHERE id = ?`
	leavePreview   = `UPDATE chat_attachments SET store_key = ?2, id = ?3, state = 'gone' WHERE id = ?1`
	loseAttachment = `UPDATE chat_attachments SET state = 'gone', leased_until = ?2 WHERE id = ?1 AND message_id IS NULL`

	leaseAttachments = `UPDATE chat_attachments SET state = 'gone', leased_until = CASE WHEN leased_until IS NULL THEN ?2 ELSE ?5 END WHERE id IN (SELECT id FROM chat_attachments
		WHERE (message_id IS NULL OR state <> 'ready') AND (state = 'gone' OR created_at < ?3) AND (leased_until IS NULL OR leased_until < ?1)
		ORDER BY created_at LIMIT ?4) RETURNING id, store_key, coalesce(preview_key, '')`
	forgetAttachment = `DELETE FROM chat_attachments WHERE id = ? AND state = 'gone'`
	listAttachments  = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id > ? ORDER BY id LIMIT ?`
	findAttachments  = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id IN (SELECT value FROM json_each(?))`
)

var _ room.AttachmentStore = (*Store)(nil)

// quotaTime is for how long an upload counts.
const quotaTime = 24 * time.Hour

// scanAttachment reads a row of attachmentColumns.
func scanAttachment(row interface{ Scan(...any) error }) (a room.StoredAttachment, err error) {
	err = row.Scan(&a.ID, &a.Room, &a.Uploader, &a.Message, &a.State, &a.Key, &a.PreviewKey, &a.Name, &a.MIME, &a.Size, &a.Width, &a.Height, &a.Hash, stamp{&a.CreatedAt})
	a.Preview = a.PreviewKey != ""
	return a, err
}

// writeAttachments runs a transaction that writes, as it is told by what it concerns.
func (s *Store) writeAttachments(ctx context.Context, write func(tx *sql.Tx) error) error {
	return attachmentFault(writeAll(ctx, s.writer, write))
}

// attachmentFault leaves alone what says something of the attachment.
func attachmentFault(err error) error {
	switch {
	case err == nil, errors.Is(err, room.ErrNoAttachment), errors.Is(err, room.ErrQuota):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return room.ErrNoAttachment
	}
	return unreachable(err)
}

// AddAttachment implements room.AttachmentStore.
func (s *Store) AddAttachment(ctx context.Context, a *room.StoredAttachment) error {
	return s.writeAttachments(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertAttachment, a.ID.String(), a.Room.String(), a.Uploader.String(), a.Key, a.Name, a.MIME, a.Size, formatStamp(time.Now()))
		return err
	})
}

// ReadyAttachment implements room.AttachmentStore.
func (s *Store) ReadyAttachment(ctx context.Context, a *room.StoredAttachment, quota int64) error {
	return s.writeAttachments(ctx, func(tx *sql.Tx) error {
		var already bool
		if err := tx.QueryRowContext(ctx, selectReady, a.ID.String(), a.Hash).Scan(&already); err != nil || already {
			return err
		}
		if err := mayUpload(ctx, tx, a.Uploader, a.Size, quota); err != nil {
			return err
		}
		return orNone(tx.ExecContext(ctx, readyAttachment, a.ID.String(), a.Name, a.MIME, a.Size, a.Width, a.Height, a.Hash))
	})
}

// orNone is err, or room.ErrNoAttachment where no row was changed.
func orNone(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return errors.Join(room.ErrNoAttachment, err)
	}
	return nil
}

// mayUpload returns room.ErrQuota where somebody would have more than may be, zero: any.
func mayUpload(ctx context.Context, tx *sql.Tx, user uuid.UUID, bytes, quota int64) error {
	if quota == 0 {
		return nil
	}
	if has, err := uploadedBytes(ctx, tx, user); err != nil {
		return err
	} else if has+bytes > quota {
		return room.ErrQuota
	}
	return nil
}

func uploadedBytes(ctx context.Context, in interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, user uuid.UUID,
) (bytes int64, err error) {
	err = in.QueryRowContext(ctx, sumUploaded, user.String(), formatStamp(time.Now().Add(-quotaTime)), room.PreviewBytesMax).Scan(&bytes)
	return bytes, err
}

// PreviewAttachment implements room.AttachmentStore.
func (s *Store) PreviewAttachment(ctx context.Context, id uuid.UUID, preview *room.StoredAttachment, quota int64) error {
	return s.writeAttachments(ctx, func(tx *sql.Tx) error {
		var before string
		if err := tx.QueryRowContext(ctx, selectPreview, id.String()).Scan(&before); err != nil {
			return err
		}
		if before == preview.Key {
			return nil
		}
		if before == "" {
			if err := mayUpload(ctx, tx, preview.Uploader, room.PreviewBytesMax, quota); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, setPreview, preview.Key, id.String())
		if err == nil && before == "" {
			_, err = tx.ExecContext(ctx, endPreview, preview.ID.String())
		} else if err == nil {
			_, err = tx.ExecContext(ctx, leavePreview, preview.ID.String(), before, uuid.NewString())
		}
		return err
	})
}

// UploadedBytes implements room.AttachmentStore.
func (s *Store) UploadedBytes(ctx context.Context, user uuid.UUID) (int64, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return 0, unreachable(err)
	}
	defer done()
	bytes, err := uploadedBytes(ctx, s.read.db, user)
	return bytes, attachmentFault(err)
}

// LoseAttachment implements room.AttachmentStore.
func (s *Store) LoseAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) error {
	var until any // NULL
	if lease > 0 {
		until = formatStamp(time.Now().Add(lease))
	}
	return s.writeAttachments(ctx, func(tx *sql.Tx) error {
		return orNone(tx.ExecContext(ctx, loseAttachment, id.String(), until))
	})
}

// LeaseAttachments implements room.AttachmentStore.
func (s *Store) LeaseAttachments(ctx context.Context, unused, lease time.Duration, limit int) (all []room.StoredAttachment, err error) {
	now := time.Now()
	err = s.writeAttachments(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, leaseAttachments, formatStamp(now), formatStamp(now.Add(lease)), formatStamp(now.Add(-unused)), limit,
			formatStamp(now.Add(room.LeasedAgain*lease)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			a := room.StoredAttachment{State: room.AttachmentGone}
			if err := rows.Scan(&a.ID, &a.Key, &a.PreviewKey); err != nil {
				return err
			}
			all = append(all, a)
		}
		return rows.Err()
	})
	return all, err
}

// ForgetAttachments implements room.AttachmentStore.
func (s *Store) ForgetAttachments(ctx context.Context, ids []uuid.UUID) error {
	return s.writeAttachments(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, forgetAttachment, id.String()); err != nil {
				return err
			}
		}
		return nil
	})
}
