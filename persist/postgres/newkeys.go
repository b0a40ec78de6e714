package postgres

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/persist"
)

// A client_id is known only where a client sends a message again. So a large batch is written
// as if none were, and the unique index on them says where that is wrong: then all
// is undone, and done again with a look-up first (ADR 23).

// keysMin is how many client_ids of a batch pay for what is undone now and then.
const keysMin = copyRowsMin

// keysPause is for how long all are looked up after one was known: who comes back after an
// outage sends much again, and each batch that is undone leaves its rows to vacuum.
const keysPause = 10 * time.Second

// keysAreUnique tells whether the index guards the table at this moment. It is asked within the transaction.
const keysAreUnique = `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('caravan_messages_client')
	AND indrelid = 'chat_messages'::regclass AND indisunique AND indisvalid AND indisready AND indimmediate AND indnkeyatts = 3)`

// errMayBeKnown says that a transaction was undone since it took client_ids for new, and some may be known.
var errMayBeKnown = errors.New("a client_id may be known")

// newKeys says when client_ids are taken for new. It is safe for concurrent use.
type newKeys struct {
	min     int // see keysMin
	pause   time.Duration
	knownAt atomic.Int64 // when one was known, or may have been, in ns since the epoch
}

// found notes that one was known, or may be.
func (k *newKeys) found() { k.knownAt.Store(time.Now().UnixNano()) }

// areNew reports whether those of a batch are to be taken for new.
func (k *newKeys) areNew(l *persist.Lookup) bool {
	return len(l.Keys) >= k.min && time.Since(time.Unix(0, k.knownAt.Load())) > k.pause
}

// refuted reports whether a transaction that took client_ids for new was undone for a reason
// that may not be there once they are looked up: what is known is not written, and not refused.
func refuted(err error) bool {
	var data *persist.DataError
	return errors.Is(err, errMayBeKnown) || errors.As(err, &data)
}
