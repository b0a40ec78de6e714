package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

const (
	// lockAttachments locks in the order of ids, so that who sweeps does not take what a message
	// is about to.
	lockAttachments = `SELECT ` + attachmentColumns + ` FROM chat_attachments WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`

	claimAttachments = `UPDATE chat_attachments t SET message_id = n.message
	FROM unnest($1::uuid[], $2::uuid[]) AS n(id, message) WHERE t.id = n.id`

	deleteAttachments = `UPDATE chat_attachments SET state = 'gone' WHERE message_id = ANY($1)`
)

// queueAttachments asks for the uploads that new messages take.
func queueAttachments(batch *pgx.Batch, l *persist.Lookup, found *persist.Found) {
	if len(l.Attachments) == 0 {
		return
	}
	batch.Queue(lockAttachments, ids(l.Attachments)).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scanAttachment)
		for _, a := range all {
			found.AddAttachment(a)
		}
		return err
	})
}

func queueClaims(batch *pgx.Batch, plan *persist.Plan) {
	n := len(plan.Claims)
	if n == 0 {
		return
	}
	attachments, messages := make([][16]byte, n), make([][16]byte, n)
	for i, c := range plan.Claims {
		attachments[i], messages[i] = c.Attachment, c.Message
	}
	batch.Queue(claimAttachments, attachments, messages)
}

// scanAttachment reads a row of attachmentColumns.
func scanAttachment(row pgx.CollectableRow) (a room.StoredAttachment, err error) {
	err = row.Scan((*[16]byte)(&a.ID), (*[16]byte)(&a.Room), (*[16]byte)(&a.Uploader), (*[16]byte)(&a.Message), &a.State,
		&a.Key, &a.PreviewKey, &a.Name, &a.MIME, &a.Size, &a.Width, &a.Height, &a.Hash, &a.CreatedAt)
	a.Preview, a.CreatedAt = a.PreviewKey != "", a.CreatedAt.UTC()
	return a, err
}
