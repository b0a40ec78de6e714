package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// checkRows is how many files are looked up at once.
const checkRows = 200

// checkGrace is how young bytes may be whose row has just gone, or is being written elsewhere.
const checkGrace = time.Minute

// CheckAttachments tells each file whose bytes have no row, and each row that is ready without
// bytes. It returns how many there are, and how many files were looked at. It changes nothing,
// and may be called while servers run.
func CheckAttachments(ctx context.Context, rows room.AttachmentStore, bytes blob.Blob, tell func(line string)) (found, looked int, err error) {
	var some []blob.Info
	flush := func() error {
		lost, err := withoutRows(ctx, rows, some)
		for _, is := range lost {
			tell(fmt.Sprintf("no row: %s, %d bytes of %s", is.Key, is.Size, is.Modified.UTC().Format(time.RFC3339)))
		}
		found, looked, some = found+len(lost), looked+len(some), some[:0]
		return err
	}
	for is, err := range bytes.List(ctx, "") {
		if err != nil {
			return found, looked, err
		}
		if some = append(some, is); len(some) == checkRows {
			if err := flush(); err != nil {
				return found, looked, err
			}
		}
	}
	if err := flush(); err != nil {
		return found, looked, err
	}
	missing, err := withoutBytes(ctx, rows, bytes, tell)
	return found + missing, looked, err
}

// withoutRows returns those of the bytes that no row has.
func withoutRows(ctx context.Context, rows room.AttachmentStore, all []blob.Info) (lost []blob.Info, err error) {
	var ids []uuid.UUID
	for _, is := range all {
		ids = append(ids, idsIn(is.Key)...)
	}
	known, err := rows.FindAttachments(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, is := range all {
		has := time.Since(is.Modified) < checkGrace
		for _, id := range idsIn(is.Key) {
			a, ok := known[id]
			has = has || ok && (a.Key == is.Key || a.PreviewKey == is.Key)
		}
		if !has {
			lost = append(lost, is)
		}
	}
	return lost, nil
}

// idsIn are the ids that a key is made of: that of a file and, of a preview, a second one.
func idsIn(key string) (ids []uuid.UUID) {
	const text = 36
	for len(key) >= text {
		id, ok := protocol.ParseID([]byte(key[:text]))
		if !ok {
			return ids
		}
		ids = append(ids, id)
		key = key[min(len(key), text+1):]
	}
	return ids
}

// withoutBytes counts and tells the rows that are ready and have no bytes.
func withoutBytes(ctx context.Context, rows room.AttachmentStore, bytes blob.Blob, tell func(line string)) (missing int, err error) {
	for after := uuid.Nil; ; {
		all, err := rows.Attachments(ctx, after, checkRows)
		if err != nil || len(all) == 0 {
			return missing, err
		}
		for _, a := range all {
			if a.State != room.AttachmentReady {
				continue
			}
			o, err := bytes.Get(ctx, a.Key, blob.Range{})
			switch {
			case errors.Is(err, blob.ErrNotFound):
				missing++
				tell(fmt.Sprintf("no bytes: %s, %q of message %s", a.ID, a.Name, a.Message))
			case err != nil:
				return missing, err
			default:
				_ = o.Close() // nothing was read
			}
		}
		after = all[len(all)-1].ID
	}
}
