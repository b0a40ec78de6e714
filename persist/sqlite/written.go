package sqlite

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
)

// written makes what one transaction writes ids, times and client_ids as. A batch has few rooms and
// senders, and most messages one time: what was made is kept. The zero written is ready.
type written struct {
	ids [idsKept]struct {
		id   uuid.UUID
		text any
	}
	at     time.Time
	atText any

	keys    []persist.ClientKey // those that were looked up, in the order of the batch
	numbers []int64             // theirs
	next    int                 // the first of them that was not asked for
}

// idsKept is how many ids it keeps, each at the place that its last byte says.
const idsKept = 32

// id returns the text of an id. Nothing is kept in a nil written.
func (w *written) id(id uuid.UUID) any {
	if w == nil {
		return id.String()
	}
	kept := &w.ids[id[len(id)-1]%idsKept]
	if kept.text == nil || kept.id != id {
		kept.id, kept.text = id, id.String()
	}
	return kept.text
}

// stamp returns the text of a time.
func (w *written) stamp(at time.Time) any {
	if w.atText == nil || !w.at.Equal(at) {
		w.at, w.atText = at, formatStamp(at)
	}
	return w.atText
}

// numbersOf returns the numbers of client_ids, and keeps them.
func (w *written) numbersOf(keys []persist.ClientKey) []int64 {
	w.keys, w.numbers, w.next = keys, make([]int64, len(keys)), 0
	for i := range keys {
		w.numbers[i] = clientNumber(keys[i])
	}
	return w.numbers
}

// number returns the number of a client_id. It is found at once where they are asked for in the
// order in which they were looked up.
func (w *written) number(key persist.ClientKey) int64 {
	for i := w.next; i < len(w.keys); i++ {
		if w.keys[i] == key {
			w.next = i + 1
			return w.numbers[i]
		}
	}
	return clientNumber(key)
}
