package room

import (
	"log/slog"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/trace"
)

// traced says when an op came how far, where that is recorded.
type traced struct {
	at     protocol.Trace // its own span
	parent [8]byte
	inner  bool // the parent is a span of this process
	asked  time.Time
	passed [stagesOfOp]time.Time // zero: it did not
	ops    int                   // of its transaction
}

// The stages of an op, by their end.
const (
	stageLane   = iota // it waits for its transaction
	stageCommit        // until that is committed
	stageTell          // until it is told
	stagesOfOp
)

var stageNames = [stagesOfOp]string{"lane", "commit", "tell"}

// trace begins the record of an op, if it is to be recorded.
func (s *Service) trace(op *Op) {
	if at := s.cfg.Tracer.Begin(op.Trace); at != nil {
		op.traced = &traced{at: *at, inner: op.inner, asked: time.Now()}
		if op.Trace != nil {
			op.traced.parent = op.Trace.Span
		}
	}
}

// passed notes that ops of one transaction have come to the end of a stage.
func (s *Service) passed(ops []*Op, stage int) {
	if s.cfg.Tracer == nil {
		return
	}
	now := time.Now()
	for _, op := range ops {
		if op.traced != nil {
			op.traced.passed[stage], op.traced.ops = now, len(ops)
		}
	}
}

// record hands the record of an op over, whose outcome is final.
func (s *Service) record(op *Op) {
	is, now := op.traced, time.Now()
	op.traced = nil
	span := &trace.Span{At: is.at, Parent: is.parent, Inner: is.inner, Name: op.Kind.String(), Start: is.asked, End: now, Attributes: []slog.Attr{
		slog.String("caravan.room", op.Room.String()), slog.String("user.id", op.Sender.ID.String()), slog.Int("caravan.transaction.ops", is.ops),
	}}
	if op.Seq > 0 {
		span.Attributes = append(span.Attributes, slog.Int64("caravan.seq", op.Seq))
	}
	if op.Err != nil {
		span.Failed = string(op.Err.Code)
	}
	start := is.asked
	for stage, end := range is.passed {
		if end.IsZero() { // here it ended, unless that was before
			if op.Err != nil && is.ops > 0 {
				span.Parts = append(span.Parts, trace.Part{Name: stageNames[stage], Start: start, End: now})
			}
			break
		}
		span.Parts = append(span.Parts, trace.Part{Name: stageNames[stage], Start: start, End: end})
		start = end
	}
	s.cfg.Tracer.End(span)
}
