// Package trace says of which messages and calls the way is recorded, and keeps what was
// recorded until somebody exports it. Nobody who records waits: what has no place is dropped and
// counted.
package trace

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/queue"
)

// spansMax is how many spans, with their parts, wait to be exported; more are dropped.
const spansMax = 8_192

// Span is a stretch of time of a trace.
type Span struct {
	At         protocol.Trace // itself
	Parent     [8]byte        // zero: it begins its trace
	Inner      bool           // Parent is a span of this process
	Name       string
	Start, End time.Time
	Failed     string // why; empty: it did not
	Attributes []slog.Attr
	Parts      []Part
}

// Part is a stretch of a Span that is a span of its own.
type Part struct {
	Name       string
	Start, End time.Time
}

// Tracer chooses what is recorded. A nil Tracer records nothing. It is safe for concurrent use.
type Tracer struct {
	chance  float64
	spans   *queue.Queue[*Span]
	dropped atomic.Int64
}

// New returns a Tracer that begins traces by that chance, from 0 to 1, of its own accord.
func New(chance float64) *Tracer {
	return &Tracer{chance: chance, spans: queue.New[*Span](spansMax, math.MaxInt, nil)}
}

// Begin returns where a new span stands that has that parent, or, where parent is nil, that
// begins a trace by chance. Nil: it is not recorded.
func (t *Tracer) Begin(parent *protocol.Trace) *protocol.Trace {
	switch {
	case t == nil, parent != nil && !parent.Sampled, parent == nil && rand.Float64() >= t.chance:
		return nil
	}
	at := protocol.Trace{Sampled: true}
	if parent != nil {
		at.ID = parent.ID
	} else {
		binary.NativeEndian.PutUint64(at.ID[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(at.ID[8:], 1|rand.Uint64()) // never zero
	}
	at.Span = NewSpan()
	return &at
}

// NewSpan returns the id of a span.
func NewSpan() (id [8]byte) {
	binary.NativeEndian.PutUint64(id[:], 1|rand.Uint64())
	return id
}

// End hands a span over that is over. It belongs to the Tracer from now on.
func (t *Tracer) End(s *Span) {
	if !t.spans.Put(s) {
		t.dropped.Add(1 + int64(len(s.Parts)))
	}
}

// Wait returns true as soon as spans wait, and false where none do and ctx or the Tracer ends.
func (t *Tracer) Wait(ctx context.Context) bool { return t.spans.Wait(ctx) }

// Waiting returns how many spans wait, their parts apart.
func (t *Tracer) Waiting() int { return t.spans.Len() }

// Take moves at most n of them to the end of dst.
func (t *Tracer) Take(dst []*Span, n int) []*Span { return t.spans.Take(dst, n) }

// Close drops what comes from now on. What waits may still be taken.
func (t *Tracer) Close() { t.spans.Close() }

// Dropped returns how many spans had no place.
func (t *Tracer) Dropped() int64 { return t.dropped.Load() }

type key struct{}

// With returns a context of who works within a span; at nil: within one that is not recorded.
func With(ctx context.Context, at *protocol.Trace) context.Context {
	if at == nil {
		at = &protocol.Trace{}
	}
	return context.WithValue(ctx, key{}, at)
}

// Of returns the span within which somebody works; nil: nobody has said.
func Of(ctx context.Context) *protocol.Trace {
	at, _ := ctx.Value(key{}).(*protocol.Trace)
	return at
}
