package storetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/room"
)

// testUploadQuota: also when many uploads end at once.
func testUploadQuota(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	const fits, tried = 5, 12
	var mu sync.Mutex
	var ready, refused int
	var all sync.WaitGroup
	for range tried {
		a := w.pending(0, 0, "a")
		all.Go(func() {
			err := w.store.ReadyAttachment(w.ctx(), a, fits*a.Size)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				ready++
			case errors.Is(err, room.ErrQuota):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if ready != fits || refused != tried-fits {
		t.Errorf("%d are ready and %d refused, want %d and %d", ready, refused, fits, tried-fits)
	}
	if bytes, err := w.store.UploadedBytes(w.ctx(), w.users[0].ID); err != nil || bytes != fits*1000 {
		t.Errorf("%d bytes, %v", bytes, err)
	}
	if err := w.store.ReadyAttachment(w.ctx(), w.pending(0, 1, "another's"), 1000); err != nil {
		t.Errorf("another user: %v", err)
	}
	w.testPreviewQuota()
	w.app("UPDATE chat_attachments SET created_at = '2020-01-01 00:00:00'")
	if bytes, err := w.store.UploadedBytes(w.ctx(), w.users[0].ID); err != nil || bytes != 0 {
		t.Errorf("of another day: %d bytes, %v", bytes, err)
	}
}

// testPreviewQuota: a preview counts as much as one may have, and one in its place no more.
func (w *world) testPreviewQuota() {
	w.t.Helper()
	user := w.users[0].ID
	before, err := w.store.UploadedBytes(w.ctx(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	of := w.upload(0, 0, "a")
	quota := before + of.Size + room.PreviewBytesMax
	preview := func(quota int64) error { return w.store.PreviewAttachment(w.ctx(), of.ID, w.pending(0, 0, "p"), quota) }
	if err := preview(quota - 1); !errors.Is(err, room.ErrQuota) {
		w.t.Errorf("a preview over the quota: %v", err)
	}
	for range 2 {
		if err := preview(quota); err != nil {
			w.t.Errorf("a preview within the quota: %v", err)
		}
	}
	if bytes, err := w.store.UploadedBytes(w.ctx(), user); err != nil || bytes != quota {
		w.t.Errorf("%d bytes with a preview, want %d, %v", bytes, quota, err)
	}
	if err := w.store.ReadyAttachment(w.ctx(), w.pending(0, 0, "b"), quota); !errors.Is(err, room.ErrQuota) {
		w.t.Errorf("a file beside the preview: %v", err)
	}
}
