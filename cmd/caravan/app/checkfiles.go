package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
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

// lostMax bounds the files that are looked for among all rows; of what is beyond nobody looks twice.
const lostMax = 10_000

// CheckAttachments tells each row that is ready without bytes, and each file whose bytes have no
// row. It returns how many there are, and how many files were looked at. It changes nothing,
// and may be called while servers run: what they delete meanwhile is not told.
func CheckAttachments(ctx context.Context, rows FileRows, bytes blob.Blob, tell func(line string)) (found, looked int, err error) {
	lost, looked, err := withoutRows(ctx, rows, bytes, tell)
	if err != nil {
		return 0, looked, err
	}
	missing, err := withoutBytes(ctx, rows, bytes, lost, tell)
	if err != nil {
		return missing, looked, err
	}
	for _, key := range slices.Sorted(maps.Keys(lost.all)) {
		size, err := sizeOf(ctx, bytes, key)
		if err != nil {
			return missing + lost.told, looked, err
		}
		if size >= 0 { // and not swept meanwhile
			lost.tell(lost.all[key], tell)
		}
	}
	return missing + lost.told, looked, nil
}

// lostFiles are those of which no row is known by their names. The row of a former preview has
// another name.
type lostFiles struct {
	all  map[string]blob.Info
	told int
}

func (l *lostFiles) tell(is blob.Info, tell func(line string)) {
	l.told++
	tell(fmt.Sprintf("no row: %s, %d bytes of %s", is.Key, is.Size, is.Modified.UTC().Format(time.RFC3339)))
}

// withoutRows returns the files that have no row by their names, and how many it has looked at.
func withoutRows(ctx context.Context, rows FileRows, bytes blob.Blob, tell func(line string)) (lost *lostFiles, looked int, err error) {
	lost = &lostFiles{all: make(map[string]blob.Info)}
	for some, err := range pages(bytes.List(ctx, "")) {
		looked += len(some)
		var without []blob.Info
		if err == nil {
			without, err = nameless(ctx, rows, some)
		}
		if err != nil {
			return lost, looked, err
		}
		for _, is := range without {
			if len(lost.all) < lostMax {
				lost.all[is.Key] = is
			} else {
				lost.tell(is, tell)
			}
		}
	}
	return lost, looked, nil
}

// pages gathers files, checkRows of them at once.
func pages(all iter.Seq2[blob.Info, error]) iter.Seq2[[]blob.Info, error] {
	return func(yield func([]blob.Info, error) bool) {
		var some []blob.Info
		for is, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			if some = append(some, is); len(some) == checkRows {
				if !yield(some, nil) {
					return
				}
				some = some[:0]
			}
		}
		if len(some) > 0 {
			yield(some, nil)
		}
	}
}

// nameless returns those of the files that no row has which their names tell.
func nameless(ctx context.Context, rows FileRows, some []blob.Info) (without []blob.Info, err error) {
	var ids []uuid.UUID
	for _, is := range some {
		ids = append(ids, idsIn(is.Key)...)
	}
	known, err := rows.FindAttachments(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, is := range some {
		has := time.Since(is.Modified) < checkGrace
		for _, id := range idsIn(is.Key) {
			a, ok := known[id]
			has = has || ok && (a.Key == is.Key || a.PreviewKey == is.Key)
		}
		if !has {
			without = append(without, is)
		}
	}
	return without, nil
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

// withoutBytes counts and tells the rows that are ready and have no bytes, or not all of them. What
// any row has is not lost.
func withoutBytes(ctx context.Context, rows FileRows, bytes blob.Blob, lost *lostFiles, tell func(line string)) (missing int, err error) {
	for after := uuid.Nil; ; {
		all, err := rows.Attachments(ctx, after, checkRows)
		if err != nil || len(all) == 0 {
			return missing, err
		}
		for _, a := range all {
			delete(lost.all, a.Key)
			delete(lost.all, a.PreviewKey)
			if a.State != room.AttachmentReady {
				continue
			}
			wrong, err := whatIsMissing(ctx, bytes, &a)
			if err == nil && wrong != "" {
				var gone bool
				if gone, err = isGone(ctx, rows, a.ID); gone { // swept meanwhile
					continue
				}
			}
			if err != nil {
				return missing, err
			}
			if wrong != "" {
				missing++
				tell(fmt.Sprintf("%s: %s, %q of message %s", wrong, a.ID, a.Name, a.Message))
			}
		}
		after = all[len(all)-1].ID
	}
}

// whatIsMissing says what is wrong with the bytes of a row; empty: nothing.
func whatIsMissing(ctx context.Context, bytes blob.Blob, a *room.StoredAttachment) (string, error) {
	switch size, err := sizeOf(ctx, bytes, a.Key); {
	case err != nil:
		return "", err
	case size < 0:
		return "no bytes", nil
	case size != a.Size:
		return fmt.Sprintf("no %d bytes but %d", a.Size, size), nil
	case a.PreviewKey == "":
		return "", nil
	}
	size, err := sizeOf(ctx, bytes, a.PreviewKey)
	if err == nil && size < 0 {
		return "no preview", nil
	}
	return "", err
}

// sizeOf returns how many bytes there are under a key; below zero: it is not there.
func sizeOf(ctx context.Context, bytes blob.Blob, key string) (int64, error) {
	o, err := bytes.Get(ctx, key, blob.Range{})
	if errors.Is(err, blob.ErrNotFound) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	return o.Size, o.Close()
}

// isGone reports whether a row is not ready any more.
func isGone(ctx context.Context, rows FileRows, id uuid.UUID) (bool, error) {
	a, err := rows.Attachment(ctx, id)
	if errors.Is(err, room.ErrNoAttachment) {
		return true, nil
	}
	return err == nil && a.State != room.AttachmentReady, err
}
