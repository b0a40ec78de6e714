package sqlite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestNoFileHasWhatWasDeleted: neither a short nor a long message that is deleted, nor what one
// said before it was edited, nor an application's data, stands in a file after the server has ended.
func TestNoFileHasWhatWasDeleted(t *testing.T) {
	dir := t.TempDir()
	f := openFleet(t, filepath.Join(dir, "caravan.db"), 1)
	change := func(of *room.Op, in protocol.Intent) {
		t.Helper()
		in.MessageID = of.MessageID
		op := &room.Op{Intent: in, Row: uuid.New(), Room: of.Room, Trip: of.Trip, Sender: of.Sender, May: protocol.MayAll, At: of.At}
		if err := f.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
			t.Fatal(op.Outcome, op.Err, err)
		}
	}
	ops := f.sends(200, 200)
	for i, op := range ops[:150] {
		op.Content = strings.Repeat(fmt.Sprintf("unsaid%d ", i), 1+i*20) // also over several pages
		op.Extra = &protocol.Extra{Data: `{"place":"unsaid"}`}
	}
	if err := f.Append(t.Context(), ops, room.Within{}); err != nil {
		t.Fatal(err)
	}
	for i, op := range ops[:150] {
		if i%3 == 0 {
			change(op, protocol.Intent{Kind: protocol.KindEdit, Content: "short"})
		}
		change(op, protocol.Intent{Kind: protocol.KindDelete})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("unsaid")); n > 0 {
			t.Errorf("%s has %d words of what was deleted", filepath.Base(name), n)
		}
	}
}
