package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/room"
)

const attachmentColumns = `id, chat_room_id, uploader_id, coalesce(message_id, '00000000-0000-0000-0000-000000000000'), state,
	store_key, coalesce(preview_key, ''), name, mime, size, coalesce(width, 0), coalesce(height, 0), sha256, created_at`

// The statements of room.AttachmentStore. Their clock is that of the database alone.
const (
	insertAttachment = `INSERT INTO chat_attachments (id, chat_room_id, uploader_id, state, store_key, name, mime, size, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp()) ON CONFLICT (id) DO NOTHING`

	// lockUploader has the uploads of one user be counted one after another.
	lockUploader = `SELECT pg_advisory_xact_lock(hashtextextended('caravan attachments of ' || $1::uuid, 0))`

	// sumUploaded counts a preview as the largest that there may be.
	sumUploaded = `SELECT coalesce(sum(size + CASE WHEN preview_key IS NULL THEN 0 ELSE $2::bigint END), 0)::bigint FROM chat_attachments
	WHERE uploader_id = $1 AND created_at > clock_timestamp() - interval '24 hours' AND state = 'ready'`

	// sumUploadedBy is the same, with other arguments.
	sumUploadedBy = `SELECT coalesce(sum(size + CASE WHEN preview_key IS NULL THEN 0 ELSE $6::bigint END), 0)::bigint FROM chat_attachments
	WHERE uploader_id = $5 AND created_at > clock_timestamp() - interval '24 hours' AND state = 'ready'`

	selectReady = `SELECT EXISTS (SELECT FROM chat_attachments WHERE id = $1 AND state = 'ready' AND sha256 = $2)`

	readyAttachment = `UPDATE chat_attachments SET state = 'ready', name = $2, mime = $3, size = $4, width = nullif($5, 0), height = nullif($6, 0), sha256 = $7
	WHERE id = $1 AND state = 'pending'`

	// previewAttachment gives the pending row $3's bytes, $2, to the file $1. That row goes, or has
	// the former preview's bytes, under the id $4. It says whether the quota lets it.
	previewAttachment = `WITH file AS (
		SELECT coalesce(preview_key, '') AS former FROM chat_attachments WHERE id = $1 AND state = 'ready' AND message_id IS NULL FOR NO KEY UPDATE
	), judged AS (
		SELECT former, former <> '' OR $7::bigint = 0 OR (` + sumUploadedBy + `) + $6::bigint <= $7::bigint AS may FROM file
	), given AS (
		UPDATE chat_attachments t SET preview_key = $2 FROM judged WHERE t.id = $1 AND may AND former <> $2
	), ended AS (
		DELETE FROM chat_attachments t USING judged WHERE t.id = $3 AND may AND former = ''
	), moved AS (
		UPDATE chat_attachments t SET id = $4, store_key = former, state = 'gone' FROM judged WHERE t.id = $3 AND may AND former NOT IN ('', $2)
	)
	SELECT may FROM judged`

	selectAttachment = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id = $1`

	loseAttachment = `UPDATE chat_attachments SET state = 'gone', leased_until = CASE WHEN $2::interval > '0' THEN clock_timestamp() + $2::interval END
	WHERE id = $1 AND message_id IS NULL`

	// leaseAttachments passes over what a message is taking at this moment.
	leaseAttachments = `UPDATE chat_attachments t SET state = 'gone',
		leased_until = clock_timestamp() + $2::interval * CASE WHEN t.leased_until IS NULL THEN 1 ELSE $4::int END
	FROM (SELECT id FROM chat_attachments
		WHERE (message_id IS NULL OR state <> 'ready') AND (state = 'gone' OR created_at < clock_timestamp() - $1::interval)
		AND (leased_until IS NULL OR leased_until < clock_timestamp())
		ORDER BY created_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) due
	WHERE t.id = due.id RETURNING t.id, t.store_key, coalesce(t.preview_key, '')`

	forgetAttachments = `DELETE FROM chat_attachments WHERE id = ANY($1) AND state = 'gone'`

	listAttachments = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id > $1 ORDER BY id LIMIT $2`

	findAttachments = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id = ANY($1)`
)

var _ room.AttachmentStore = (*Store)(nil)

// besides runs what has no connections of its own, within its share. It may run it twice, the
// second time after a commit of which nobody heard. What the database says of an attachment is
// no fault of a connection.
func (s *Store) besides(ctx context.Context, what string, do func() error) error {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return fault(what, err)
	}
	defer done()
	var answer error
	err = s.again(ctx, s.readers, func() error {
		answer = nil
		err := do()
		if errors.Is(err, room.ErrNoAttachment) || errors.Is(err, room.ErrQuota) {
			answer, err = err, nil
		}
		return err
	})
	if err != nil {
		return rowsFault(what, err)
	}
	return answer
}

// AddAttachment implements room.AttachmentStore.
func (s *Store) AddAttachment(ctx context.Context, a *room.StoredAttachment) error {
	return s.besides(ctx, "add attachment", func() error {
		_, err := s.readers.Exec(ctx, insertAttachment, [16]byte(a.ID), [16]byte(a.Room), [16]byte(a.Uploader), room.AttachmentPending, a.Key, a.Name, a.MIME, a.Size)
		return err
	})
}

// ReadyAttachment implements room.AttachmentStore.
func (s *Store) ReadyAttachment(ctx context.Context, a *room.StoredAttachment, quota int64) error {
	return s.besides(ctx, "ready attachment", func() error {
		return pgx.BeginFunc(ctx, s.readers, func(tx pgx.Tx) error {
			var already bool
			if err := tx.QueryRow(ctx, selectReady, [16]byte(a.ID), a.Hash).Scan(&already); err != nil || already {
				return err
			}
			if err := mayUpload(ctx, tx, a.Uploader, a.Size, quota); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, readyAttachment, [16]byte(a.ID), a.Name, a.MIME, a.Size, a.Width, a.Height, a.Hash)
			return orNone(tag.RowsAffected(), err)
		})
	})
}

// mayUpload returns room.ErrQuota where somebody would have more than may be, zero: any. Until the
// end of the transaction nobody else counts that user's bytes.
func mayUpload(ctx context.Context, tx pgx.Tx, user uuid.UUID, bytes, quota int64) error {
	if quota == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, lockUploader, [16]byte(user)); err != nil {
		return err
	}
	var has int64
	if err := tx.QueryRow(ctx, sumUploaded, [16]byte(user), room.PreviewBytesMax).Scan(&has); err != nil {
		return err
	}
	if has+bytes > quota {
		return room.ErrQuota
	}
	return nil
}

// orNone is err, or room.ErrNoAttachment where no row was changed.
func orNone(rows int64, err error) error {
	if err == nil && rows == 0 {
		return room.ErrNoAttachment
	}
	return err
}

// PreviewAttachment implements room.AttachmentStore. All goes to the server at once, which ends the
// transaction by itself: a node that freezes meanwhile holds no lock for which messages wait.
func (s *Store) PreviewAttachment(ctx context.Context, id uuid.UUID, preview *room.StoredAttachment, quota int64) error {
	return s.besides(ctx, "preview of an attachment", func() error {
		var may bool
		var batch pgx.Batch
		if quota > 0 {
			batch.Queue(lockUploader, [16]byte(preview.Uploader))
		}
		batch.Queue(previewAttachment, [16]byte(id), preview.Key, [16]byte(preview.ID), [16]byte(uuid.New()), [16]byte(preview.Uploader), room.PreviewBytesMax, quota).
			QueryRow(func(row pgx.Row) error { return noneAs(row.Scan(&may)) })
		err := s.readers.SendBatch(ctx, &batch).Close()
		if err == nil && !may {
			err = room.ErrQuota
		}
		return err
	})
}

func noneAs(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return room.ErrNoAttachment
	}
	return err
}

// Attachment implements room.AttachmentStore.
func (s *Store) Attachment(ctx context.Context, id uuid.UUID) (a room.StoredAttachment, err error) {
	err = s.besides(ctx, "attachment", func() error {
		rows, err := s.readers.Query(ctx, selectAttachment, [16]byte(id))
		if err == nil {
			a, err = pgx.CollectExactlyOneRow(rows, scanAttachment)
		}
		return noneAs(err)
	})
	return a, err
}

// UploadedBytes implements room.AttachmentStore.
func (s *Store) UploadedBytes(ctx context.Context, user uuid.UUID) (bytes int64, err error) {
	err = s.besides(ctx, "uploaded bytes", func() error {
		return s.readers.QueryRow(ctx, sumUploaded, [16]byte(user), room.PreviewBytesMax).Scan(&bytes)
	})
	return bytes, err
}

// LoseAttachment implements room.AttachmentStore.
func (s *Store) LoseAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) error {
	return s.besides(ctx, "lose attachment", func() error {
		tag, err := s.readers.Exec(ctx, loseAttachment, [16]byte(id), lease)
		return orNone(tag.RowsAffected(), err)
	})
}

// LeaseAttachments implements room.AttachmentStore.
func (s *Store) LeaseAttachments(ctx context.Context, unused, lease time.Duration, limit int) (all []room.StoredAttachment, err error) {
	err = s.besides(ctx, "lease attachments", func() error {
		rows, err := s.readers.Query(ctx, leaseAttachments, unused, lease, limit, room.LeasedAgain)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (a room.StoredAttachment, err error) {
			a.State = room.AttachmentGone
			err = row.Scan((*[16]byte)(&a.ID), &a.Key, &a.PreviewKey)
			return a, err
		})
		return err
	})
	return all, err
}

// ForgetAttachments implements room.AttachmentStore.
func (s *Store) ForgetAttachments(ctx context.Context, all []uuid.UUID) error {
	return s.besides(ctx, "forget attachments", func() error {
		_, err := s.readers.Exec(ctx, forgetAttachments, ids(all))
		return err
	})
}

// Attachments implements room.AttachmentStore.
func (s *Store) Attachments(ctx context.Context, after uuid.UUID, limit int) ([]room.StoredAttachment, error) {
	return s.attachments(ctx, listAttachments, [16]byte(after), limit)
}

// FindAttachments implements room.AttachmentStore.
func (s *Store) FindAttachments(ctx context.Context, all []uuid.UUID) (map[uuid.UUID]room.StoredAttachment, error) {
	rows, err := s.attachments(ctx, findAttachments, ids(all))
	found := make(map[uuid.UUID]room.StoredAttachment, len(rows))
	for _, a := range rows {
		found[a.ID] = a
	}
	return found, err
}

func (s *Store) attachments(ctx context.Context, statement string, args ...any) (all []room.StoredAttachment, err error) {
	err = s.besides(ctx, "attachments", func() error {
		rows, err := s.readers.Query(ctx, statement, args...)
		if err == nil {
			all, err = pgx.CollectRows(rows, scanAttachment)
		}
		return err
	})
	return all, err
}
