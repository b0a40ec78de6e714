// Package unsent bounds what a node keeps of answers that are made and not sent yet:
// histories, pages, bodies, whatever is made for one client and follows what is stored.
// A client that does not read keeps its answer, and there are many clients.
//
// An answer counts from when it is made until its last byte is written, or its
// connection is gone. Over the limit nothing is read for clients any more; what is made
// already goes on. One user may fill a part of the limit only.
//
// A Limit is safe for concurrent use. Its lock is held for work in memory, once for an
// answer and once for its end. A nil Limit bounds and counts nothing.
package unsent

import (
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// UserShare divides the limit: one user's answers may fill such a part.
const UserShare = 8

// Limit counts the bytes of answers.
type Limit struct {
	bytesMax int64 // zero: any

	bytes   atomic.Int64
	refused atomic.Int64
	closed  atomic.Bool // memory is short: nothing new is made

	mu    sync.Mutex
	users map[uuid.UUID]int64 // bytes of each user's answers; none: no entry
}

// New returns a limit of so many bytes; zero: any.
func New(bytesMax int64) *Limit {
	return &Limit{bytesMax: bytesMax, users: make(map[uuid.UUID]int64)}
}

// Close has everything refused, or, with false, what is over the limit alone.
func (l *Limit) Close(yes bool) {
	if l != nil {
		l.closed.Store(yes)
	}
}

// Open says whether there is room for another answer at all. It may be over the limit
// by those that are being made. A refusal is counted.
func (l *Limit) Open() bool {
	if l == nil || !l.full() {
		return true
	}
	l.refused.Add(1)
	return false
}

// OpenTo is Open for an answer to that user, who may have filled their part.
func (l *Limit) OpenTo(user uuid.UUID) bool {
	if l == nil || !l.full() && (l.bytesMax == 0 || l.of(user) < l.bytesMax/UserShare) {
		return true
	}
	l.refused.Add(1)
	return false
}

func (l *Limit) full() bool {
	return l.closed.Load() || l.bytesMax > 0 && l.bytes.Load() >= l.bytesMax
}

// Add counts bytes that are made, or, where they are negative, that need not be kept
// any more.
func (l *Limit) Add(bytes int) {
	if l != nil {
		l.bytes.Add(int64(bytes))
	}
}

// AddTo counts bytes of an answer to that user, which Add counts apart from it.
func (l *Limit) AddTo(user uuid.UUID, bytes int) {
	if l == nil || l.bytesMax == 0 || bytes == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.users[user] + int64(bytes); n != 0 {
		l.users[user] = n
	} else {
		delete(l.users, user)
	}
}

func (l *Limit) of(user uuid.UUID) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users[user]
}

// Answer is one answer, which counts once, however many clients it is on its way to. It
// does not keep the answer's bytes.
type Answer struct {
	limit  *Limit
	bytes  int
	copies atomic.Int32 // on their way
}

// Answer returns an answer of so many bytes, which is on its way to nobody yet.
func (l *Limit) Answer(bytes int) *Answer { return &Answer{limit: l, bytes: bytes} }

// Begin counts one client whom the answer is made for.
func (a *Answer) Begin() {
	if a.copies.Add(1) == 1 {
		a.limit.Add(a.bytes)
	}
}

// Gone ends what one Begin began: the client has the answer, or will not get it.
func (a *Answer) Gone() {
	if a.copies.Add(-1) == 0 {
		a.limit.Add(-a.bytes)
	}
}

// Stats are figures of a Limit.
type Stats struct {
	BytesMax, BytesNow int64
	Refused            int64 // questions of Open and OpenTo that were answered with no, since the start
}

// Stats returns the present figures.
func (l *Limit) Stats() Stats {
	if l == nil {
		return Stats{}
	}
	return Stats{BytesMax: l.bytesMax, BytesNow: l.bytes.Load(), Refused: l.refused.Load()}
}
