package storetest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testSweepAttachments(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	lease := func(unused, time time.Duration, limit int) map[uuid.UUID]room.StoredAttachment {
		t.Helper()
		all, err := w.store.LeaseAttachments(w.ctx(), unused, time, limit)
		if err != nil {
			t.Fatal(err)
		}
		leased := make(map[uuid.UUID]room.StoredAttachment)
		for _, a := range all {
			leased[a.ID] = a
		}
		return leased
	}
	sent, deleted, pending, unused := w.upload(0, 0, "sent"), w.upload(0, 0, "deleted"), w.pending(0, 0, "pending"), w.upload(0, 0, "unused")
	if err := w.preview(deleted, "preview"); err != nil {
		t.Fatal(err)
	}
	m := w.stored(w.send(0, 0, "", withFiles(sent)))
	w.stored(w.delete(0, 0, w.stored(w.send(0, 0, "", withFiles(deleted))).ID))

	got := lease(time.Hour, 0, 10)
	if a := got[deleted.ID]; len(got) != 1 || a.Key != deleted.Key || a.PreviewKey != "preview" {
		t.Errorf("within the hour these are swept: %v", got)
	}
	if got = lease(time.Hour, time.Hour, 10); len(got) != 1 {
		t.Errorf("after the lease: %v", got)
	}
	// The statement fails where what is leased once more has no longer lease.
	soon := time.Now().UTC().Add(room.LeasedAgain / 2 * time.Hour).Format("2006-01-02 15:04:05+00")
	w.app(fmt.Sprintf(`UPDATE chat_attachments SET id = NULL WHERE leased_until < '%s'`, soon))
	if got = lease(time.Hour, time.Hour, 10); len(got) != 0 {
		t.Errorf("another one gets what is leased: %v", got)
	}
	if got = lease(0, time.Hour, 1); len(got) != 1 {
		t.Errorf("one at most: %v", got)
	}
	maps.Copy(got, lease(0, time.Hour, 10))
	if len(got) != 2 || got[pending.ID].Key != pending.Key || got[unused.ID].Key != unused.Key {
		t.Errorf("swept as unused: %v", got)
	}
	for _, a := range []*room.StoredAttachment{pending, unused} {
		w.mustStand(a.ID, room.AttachmentGone, uuid.Nil)
	}
	if err := w.store.ReadyAttachment(w.ctx(), pending, 0); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("what was swept becomes ready: %v", err)
	}
	late := w.send(0, 0, "", withFiles(unused))
	w.append(late)
	w.mustOutcome(late, room.Refused, protocol.CodeInvalidAttachment)
	if err := w.store.ForgetAttachments(w.ctx(), []uuid.UUID{sent.ID, deleted.ID, pending.ID, unused.ID}); err != nil {
		t.Fatal(err)
	}
	w.mustStand(sent.ID, room.AttachmentReady, m.ID)
	if left, err := w.store.Attachments(w.ctx(), uuid.Nil, 10); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// testClaimRace: whoever is first has the upload, whole.
func testClaimRace(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	const rounds = 40
	for range rounds {
		a := w.upload(0, 0, "a")
		op := w.send(0, 0, "", withFiles(a))
		var both sync.WaitGroup
		both.Go(func() { w.append(op) })
		both.Go(func() {
			if _, err := w.store.LeaseAttachments(w.ctx(), 0, time.Hour, 10); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if op.Outcome == room.Stored {
			w.mustStand(a.ID, room.AttachmentReady, op.MessageID)
		} else {
			w.mustOutcome(op, room.Refused, protocol.CodeInvalidAttachment)
			w.mustStand(a.ID, room.AttachmentGone, uuid.Nil)
		}
	}
}
