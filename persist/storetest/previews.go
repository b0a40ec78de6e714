package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/room"
)

// testPreviewTwice: the same call comes again, as nobody heard that it was done. The bytes of the
// preview before are left, and those of the new one are the file's alone.
func testPreviewTwice(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	a := w.upload(0, 0, "a.png")
	for _, before := range []string{"", "p1"} {
		p := w.pending(0, 0, "p")
		p.Key = "p1"
		if before != "" {
			p.Key = "p2"
		}
		for range 2 {
			if err := w.store.PreviewAttachment(w.ctx(), a.ID, p, 0); err != nil {
				t.Errorf("%s: %v", p.Key, err)
			}
		}
		if is, err := w.store.Attachment(w.ctx(), a.ID); err != nil || is.PreviewKey != p.Key {
			t.Errorf("the preview is %q, want %s, %v", is.PreviewKey, p.Key, err)
		}
		if err := w.store.LoseAttachment(w.ctx(), p.ID, 0); !errors.Is(err, room.ErrNoAttachment) {
			t.Errorf("%s, which has its file, is lost: %v", p.Key, err)
		}
		all, err := w.store.LeaseAttachments(w.ctx(), time.Hour, 0, 10)
		if err != nil || before == "" && len(all) != 0 || before != "" && (len(all) != 1 || all[0].Key != before) {
			t.Errorf("what is to go is %v, want %q, %v", all, before, err)
		}
	}
}
