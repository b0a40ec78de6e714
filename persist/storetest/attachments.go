package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// upload stores the row of a file of user u in room r, which is ready.
func (w *world) upload(r, u int, name string) *room.StoredAttachment {
	w.t.Helper()
	a := w.pending(r, u, name)
	if err := w.store.ReadyAttachment(w.ctx(), a, 0); err != nil {
		w.t.Fatal(err)
	}
	a.State = room.AttachmentReady
	return a
}

// pending stores the row of a file that is not ready.
func (w *world) pending(r, u int, name string) *room.StoredAttachment {
	w.t.Helper()
	id := uuid.New()
	a := &room.StoredAttachment{
		Attachment: protocol.Attachment{ID: id, Name: name, MIME: "image/png", Size: 1000, Width: 640, Height: 480},
		Room:       w.rooms[r], Uploader: w.users[u].ID, State: room.AttachmentPending, Key: id.String(), Hash: bytes.Repeat([]byte{7}, 32),
	}
	if err := w.store.AddAttachment(w.ctx(), a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// preview gives an upload a preview with that key. Without a key it leaves nothing.
func (w *world) preview(of *room.StoredAttachment, key string) error {
	w.t.Helper()
	p := &room.StoredAttachment{Attachment: protocol.Attachment{ID: uuid.New(), Name: "p", MIME: "image/png", Size: 1}, Room: of.Room, Uploader: of.Uploader, Key: key}
	if err := w.store.AddAttachment(w.ctx(), p); err != nil {
		w.t.Fatal(err)
	}
	err := w.store.PreviewAttachment(w.ctx(), of.ID, p, 0)
	if key == "" {
		if err := errors.Join(w.store.LoseAttachment(w.ctx(), p.ID, 0), w.store.ForgetAttachments(w.ctx(), []uuid.UUID{p.ID})); err != nil {
			w.t.Fatal(err)
		}
	}
	return err
}

// withFiles gives a new message these uploads.
func withFiles(all ...*room.StoredAttachment) func(*room.Op) {
	return func(op *room.Op) {
		op.Type, op.Extra = protocol.TypeFile, &protocol.Extra{}
		for _, a := range all {
			op.Extra.Attachments = append(op.Extra.Attachments, protocol.Attachment{ID: a.ID})
		}
	}
}

// mustStand checks the state of a row, and which message has it.
func (w *world) mustStand(id uuid.UUID, state room.AttachmentState, message uuid.UUID) {
	w.t.Helper()
	a, err := w.store.Attachment(w.ctx(), id)
	if err != nil || a.State != state || a.Message != message {
		w.t.Errorf("the upload is %q of message %v (%v), want %q of %v", a.State, a.Message, err, state, message)
	}
}

func testAttachmentRow(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	began := time.Now().Add(-time.Minute)
	a := w.pending(0, 0, "a „b“.png")
	w.mustStand(a.ID, room.AttachmentPending, uuid.Nil)
	if err := w.preview(a, ""); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("a preview of what is pending: %v", err)
	}
	a.Name, a.MIME, a.Size = "b.jpg", "image/jpeg", 5
	if err := w.store.ReadyAttachment(w.ctx(), a, 5); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"p1", "p2"} {
		if err := w.preview(a, key); err != nil {
			t.Error(err)
		}
		a.PreviewKey = key
	}
	if all, err := w.store.LeaseAttachments(w.ctx(), time.Hour, 0, 10); err != nil || len(all) != 1 || all[0].Key != "p1" {
		t.Errorf("the preview before is left as %v, %v", all, err)
	} else if err := w.store.ForgetAttachments(w.ctx(), []uuid.UUID{all[0].ID}); err != nil {
		t.Error(err)
	}
	a.Preview, a.State = true, room.AttachmentReady
	other := w.upload(0, 0, "other")
	found, err := w.store.FindAttachments(w.ctx(), []uuid.UUID{a.ID, uuid.New()})
	if err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	listed, err := w.store.Attachments(w.ctx(), uuid.Nil, 10)
	if err != nil || len(listed) != 2 || bytes.Compare(listed[0].ID[:], listed[1].ID[:]) > 0 {
		t.Fatalf("listed %v, %v", listed, err)
	}
	rest, err := w.store.Attachments(w.ctx(), listed[0].ID, 10)
	if err != nil || len(rest) != 1 || rest[0].ID != listed[1].ID {
		t.Errorf("the rest is %v, %v", rest, err)
	}
	read, err := w.store.Attachment(w.ctx(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for way, got := range map[string]room.StoredAttachment{"read": read, "found": found[a.ID]} {
		if got.CreatedAt.Before(began) || got.CreatedAt.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s: made at %v", way, got.CreatedAt)
		}
		if got.CreatedAt = a.CreatedAt; fmt.Sprint(got) != fmt.Sprint(*a) {
			t.Errorf("%s: %+v, want %+v", way, got, *a)
		}
	}
	if err := w.store.ReadyAttachment(w.ctx(), a, 0); err != nil {
		t.Errorf("ready again, of which nobody heard: %v", err)
	}
	a.Hash = bytes.Repeat([]byte{8}, 32)
	if err := w.store.ReadyAttachment(w.ctx(), a, 0); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("ready again with other bytes: %v", err)
	}
	if _, err := w.store.Attachment(w.ctx(), uuid.New()); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("one that is not there: %v", err)
	}
	for want, lease := range []time.Duration{time.Hour, 0} { // what is lost for a while is swept then
		if err := w.store.LoseAttachment(w.ctx(), other.ID, lease); err != nil {
			t.Error(err)
		}
		if all, err := w.store.LeaseAttachments(w.ctx(), time.Hour, 0, 10); err != nil || len(all) != want {
			t.Errorf("lost with a lease of %v: %v, %v", lease, all, err)
		}
	}
	w.mustStand(other.ID, room.AttachmentGone, uuid.Nil)
	if err := w.store.LoseAttachment(w.ctx(), uuid.New(), 0); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("one that is not there is lost: %v", err)
	}
}

func testAttachments(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	one, two := w.upload(0, 0, "one.png"), w.upload(0, 0, "two.png")
	if err := w.preview(two, "preview"); err != nil {
		t.Fatal(err)
	}
	want := []protocol.Attachment{two.Attachment, one.Attachment}
	want[0].Preview = true
	m := w.stored(w.send(0, 0, "at the sea", withFiles(two, one), clientID("c")))
	if m.Content != "at the sea" || m.Type != protocol.TypeFile || fmt.Sprint(m.Extra.Attachments) != fmt.Sprint(want) {
		t.Errorf("told as %+v with %+v", m, m.Extra)
	}
	for way, got := range w.inEveryWay(0, m.ID) {
		if !got.Extra.Equal(m.Extra) {
			t.Errorf("%s has %+v", way, got.Extra)
		}
	}
	w.mustStand(one.ID, room.AttachmentReady, m.ID)
	w.mustStand(two.ID, room.AttachmentReady, m.ID)
	if err := w.preview(one, ""); !errors.Is(err, room.ErrNoAttachment) {
		t.Errorf("a preview of what was sent: %v", err)
	}
	again := w.send(0, 0, "at the sea", withFiles(two, one), clientID("c"))
	w.append(again)
	w.mustOutcome(again, room.Duplicate, "")
	w.same(again.Message, m)
	edited := w.stored(w.edit(0, 0, m.ID, "in the sea"))
	if !edited.Extra.Equal(m.Extra) {
		t.Errorf("edited it has %+v", edited.Extra)
	}
	w.mustEqual(edited)
	pinned := w.stored(w.pin(0, 1, m.ID, true))
	if len(pinned.Extra.Attachments) != 2 {
		t.Errorf("pinned it has %+v", pinned.Extra)
	}
	deleted := w.stored(w.delete(0, 0, m.ID))
	if len(deleted.Extra.Attachments) != 0 {
		t.Errorf("deleted it has %+v", deleted.Extra)
	}
	w.mustEqual(deleted)
	w.noContent(m.ID, "one.png")
	w.mustStand(one.ID, room.AttachmentGone, m.ID)
	w.mustStand(two.ID, room.AttachmentGone, m.ID)

	// In one batch: taken, and gone; and in one that is copied.
	three := w.upload(0, 0, "three")
	sent := w.send(0, 0, "", withFiles(three))
	w.append(sent, w.delete(0, 0, sent.MessageID))
	w.mustStand(three.ID, room.AttachmentGone, sent.MessageID)
	batch := []*room.Op{}
	for i := range 150 {
		batch = append(batch, w.send(0, 0, fmt.Sprint(i)))
	}
	four := w.upload(0, 0, "four")
	batch = append(batch, w.send(0, 0, "", withFiles(four)))
	w.append(batch...)
	w.mustStand(four.ID, room.AttachmentReady, batch[150].MessageID)
	w.mustEqual(batch[150].Message)
}

func testAttachmentsRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	mine, theirs, elsewhere, pending, gone := w.upload(0, 0, "mine"), w.upload(0, 1, "theirs"), w.upload(1, 0, "elsewhere"), w.pending(0, 0, "pending"), w.upload(0, 0, "gone")
	if err := w.store.LoseAttachment(w.ctx(), gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	used, free := w.upload(0, 0, "used"), w.upload(0, 0, "free")
	first := w.stored(w.send(0, 0, "", withFiles(used)))
	many := make([]*room.StoredAttachment, protocol.AttachmentsMax+1)
	for i := range many {
		many[i] = w.upload(0, 0, "many")
	}
	unknown := &room.StoredAttachment{Attachment: protocol.Attachment{ID: uuid.New()}}
	ops := []*room.Op{w.send(0, 0, "before")}
	for _, all := range [][]*room.StoredAttachment{
		{theirs}, {elsewhere}, {pending}, {gone}, {used}, {unknown}, {mine, mine}, {free, theirs}, many, {mine}, {mine},
	} {
		ops = append(ops, w.send(0, 0, "x", withFiles(all...)))
	}
	ops = append(ops, w.send(0, 0, "after"))
	w.append(ops...)
	for i, op := range ops {
		if i == 0 || i == 10 || i == 12 {
			w.mustOutcome(op, room.Stored, "")
			continue
		}
		w.mustOutcome(op, room.Refused, protocol.CodeInvalidAttachment)
	}
	w.mustStand(used.ID, room.AttachmentReady, first.ID)
	w.mustStand(mine.ID, room.AttachmentReady, ops[10].MessageID)
	for _, a := range []*room.StoredAttachment{theirs, elsewhere, free, many[0]} {
		w.mustStand(a.ID, room.AttachmentReady, uuid.Nil)
	}
	if w.head(0) != 4 {
		t.Errorf("head %d", w.head(0))
	}
}

// testQuotedFiles: in the batch of the original, and when it is read.
func testQuotedFiles(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	a, b := w.upload(0, 0, "sea 🌊.png"), w.upload(0, 0, "other.png")
	plain := w.send(0, 0, "", withFiles(a))
	quick := w.send(0, 0, "quick", replyTo(plain.MessageID))
	w.append(plain, quick)
	captioned := w.stored(w.send(0, 0, "a caption", withFiles(b)))
	for quoted, text := range map[uuid.UUID]string{plain.MessageID: "sea 🌊.png", captioned.ID: "a caption"} {
		answer := w.stored(w.send(0, 0, "answer", replyTo(quoted)))
		ways := w.inEveryWay(0, answer.ID)
		ways["told"] = *answer
		for way, m := range ways {
			if m.ReplyTo.Content != text {
				t.Errorf("%s quotes %q, want %q", way, m.ReplyTo.Content, text)
			}
		}
	}
	if quick.Message.ReplyTo.Content != "sea 🌊.png" {
		t.Errorf("the same batch quotes %q", quick.Message.ReplyTo.Content)
	}
}

func testEmptyCaption(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m := w.stored(w.send(0, 0, "a caption", withFiles(w.upload(0, 0, "a"))))
	text := w.stored(w.send(0, 0, "text"))
	ops := []*room.Op{w.edit(0, 0, m.ID, ""), w.edit(0, 0, text.ID, ""), w.edit(0, 0, uuid.New(), ""), w.edit(0, 1, m.ID, "")}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Stored, "")
	w.mustEqual(ops[0].Message)
	if ops[0].Message.Content != "" || !ops[0].Message.IsEdited {
		t.Errorf("edited it is %+v", ops[0].Message)
	}
	w.mustOutcome(ops[1], room.Refused, protocol.CodeEmptyContent)
	w.mustOutcome(ops[2], room.Refused, protocol.CodeEmptyContent)
	w.mustOutcome(ops[3], room.Refused, protocol.CodeNotFound)
}
