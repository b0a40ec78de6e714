package sqlite

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
)

// TestWrittenIsWhatWasAskedFor, also where ids share a place and client_ids are left out, come
// twice, or were not looked up.
func TestWrittenIsWhatWasAskedFor(t *testing.T) {
	var w written
	ids := make([]uuid.UUID, 4*idsKept)
	for i := range ids {
		ids[i] = uuid.New()
	}
	ids[1] = ids[0]
	ids[1][0]++ // it stands where the other one does
	keys := make([]persist.ClientKey, 20)
	for i := range keys {
		keys[i] = persist.ClientKey{Room: ids[i%3], Sender: ids[i%2], ClientID: uuid.NewString()}
	}
	keys[7] = keys[5]
	for i, number := range w.numbersOf(keys[:16]) {
		if want := clientNumber(keys[i]); number != want {
			t.Errorf("number %d: %d, want %d", i, number, want)
		}
	}
	for _, i := range []int{0, 1, 4, 5, 7, 7, 18, 9, 2, 15, 15, 19} {
		if got, want := w.number(keys[i]), clientNumber(keys[i]); got != want {
			t.Errorf("number of key %d: %d, want %d", i, got, want)
		}
	}
	now := time.Now()
	for range 2 {
		for i, id := range append(ids, uuid.Nil) {
			if got := w.id(id); got != id.String() {
				t.Errorf("id %s: %v", id, got)
			}
			at := now.Add(time.Duration(i/2) * time.Second)
			if got := w.stamp(at); got != formatStamp(at) {
				t.Errorf("%s: %v", at, got)
			}
		}
	}
	if got := w.stamp(time.Time{}); got != "0001-01-01 00:00:00.000000" {
		t.Errorf("no time: %v", got)
	}
}
