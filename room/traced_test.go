package room_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/trace"
)

// failing is a store that takes messages, or does not.
type failing struct {
	*memory
	err error
}

func (f *failing) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	time.Sleep(time.Second)
	if f.err != nil {
		return f.err
	}
	return f.memory.Append(ctx, batch, within)
}

// TestARecordSaysWhereAnOpWas, and how it ended.
func TestARecordSaysWhereAnOpWas(t *testing.T) {
	within := &protocol.Trace{ID: [16]byte{1}, Span: [8]byte{2}, Sampled: true}
	for _, c := range []struct {
		name   string
		err    error
		may    protocol.Permissions
		failed string
		parts  []string
	}{
		{"stored", nil, protocol.MayAll, "", []string{"lane", "commit", "tell"}},
		{"refused by the store", errors.New("away"), protocol.MayAll, "unavailable", []string{"lane", "commit"}},
		{"not allowed", nil, 0, "not_allowed", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			tracer := trace.New(0)
			s := room.New(&failing{newMemory(), c.err}, believing{}, nil, room.Config{Tracer: tracer, Lanes: 1, WriteWait: 3 * time.Second})
			defer s.Close()
			op := &room.Op{Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "hi"}, Room: uuid.New(), May: c.may}
			if err := s.Do(trace.With(t.Context(), within), op); err != nil {
				t.Fatal(err)
			}
			if err := s.Do(t.Context(), &room.Op{Intent: op.Intent, Room: op.Room, May: c.may}); err != nil { // by a chance of 0
				t.Fatal(err)
			}
			spans := tracer.Take(nil, 9)
			if len(spans) != 1 {
				t.Fatalf("%s: %d spans", c.name, len(spans))
			}
			span := spans[0]
			if span.At.ID != within.ID || span.Parent != within.Span || span.Name != "chat_message" || span.Failed != c.failed || len(span.Parts) != len(c.parts) {
				t.Fatalf("%s: %+v", c.name, span)
			}
			at := span.Start
			for i, p := range span.Parts {
				if p.Name != c.parts[i] || !p.Start.Equal(at) || p.End.Before(p.Start) || p.End.After(span.End) || p.Name == "commit" && p.End.Sub(p.Start) < time.Second {
					t.Errorf("%s: part %d is %+v of %+v", c.name, i, p, span)
				}
				at = p.End
			}
		})
	}
}

// nothing is a store that takes messages, and has none.
type nothing struct{ *memory }

func (nothing) Append(_ context.Context, batch []*room.Op, _ room.Within) error {
	for _, op := range batch {
		op.Outcome = room.Stored
	}
	return nil
}

// BenchmarkTraces is what a message costs from Submit to its answer, the store's work apart,
// where nothing is traced, where a tracer is there and records nothing, and where it records all.
func BenchmarkTraces(b *testing.B) {
	for _, c := range []struct {
		name   string
		tracer *trace.Tracer
	}{{"off", nil}, {"none", trace.New(0)}, {"all", trace.New(1)}} {
		b.Run(c.name, func(b *testing.B) {
			s := room.New(nothing{newMemory()}, believing{}, nil, room.Config{Tracer: c.tracer, Lanes: 1})
			defer s.Close()
			const together = 1_000
			var answered sync.WaitGroup
			var spans []*trace.Span
			ops, id := make([]room.Op, together), uuid.New()
			b.ReportAllocs()
			for i := 0; i < b.N; i += together {
				answered.Add(together)
				for j := range ops {
					ops[j] = room.Op{Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "hi"}, Room: id, May: protocol.MayAll, Answer: func(*room.Op) { answered.Done() }}
					s.Submit(&ops[j])
				}
				answered.Wait()
				if c.tracer != nil {
					spans = c.tracer.Take(spans[:0], together)
				}
			}
		})
	}
}
