package persist

import (
	"errors"
	"sync/atomic"
	"time"
)

// A client_id is known only where a client sends a message again. So a store may write a large batch
// as if none were, and have its unique index on them say where that is wrong: then all
// is undone, and done again with a look-up first (ADR 23).

// keysPause is for how long all are looked up after one was known: who comes back after an
// outage sends much again, and each batch that is undone is work for nothing.
const keysPause = 10 * time.Second

// ErrMayBeKnown says that a transaction was undone since it took client_ids for new, and some may be known.
var ErrMayBeKnown = errors.New("a client_id may be known")

// NewKeys says when client_ids are taken for new. It is safe for concurrent use, but for its fields
// that are set before.
type NewKeys struct {
	Min     int           // how many client_ids of a batch pay for what is undone now and then
	Pause   time.Duration // for how long they are looked up after one was known
	knownAt atomic.Int64  // when one was, or may have been, in ns since the epoch
}

// Init sets the fields to their defaults.
func (k *NewKeys) Init(least int) { k.Min, k.Pause = least, keysPause }

// Found notes that one was known, or that nothing guards them. A batch that was undone for another reason, for a message
// that is refused, says nothing of those that come.
func (k *NewKeys) Found() { k.knownAt.Store(time.Now().UnixNano()) }

// AreNew reports whether the client_ids of a batch, so many, are to be taken for new.
func (k *NewKeys) AreNew(keys int) bool {
	return keys >= k.Min && time.Since(time.Unix(0, k.knownAt.Load())) > k.Pause
}

// Refuted reports whether a transaction that took client_ids for new was undone for a reason
// that may not be there once they are looked up: what is known is not written, and not refused.
func Refuted(err error) bool {
	var data *DataError
	return errors.Is(err, ErrMayBeKnown) || errors.As(err, &data)
}
