package trace

import (
	"testing"

	"github.com/caravan-chat/caravan/protocol"
)

// TestWhoAsksDecidesWhatIsRecorded, and chance where nobody says anything.
func TestWhoAsksDecidesWhatIsRecorded(t *testing.T) {
	asked := &protocol.Trace{ID: [16]byte{1}, Span: [8]byte{2}, Sampled: true}
	for _, chance := range []float64{0, 1} {
		tracer := New(chance)
		at := tracer.Begin(asked)
		if at == nil || at.ID != asked.ID || at.Span == asked.Span || !at.Sampled {
			t.Errorf("with a chance of %v the trace goes on as %+v", chance, at)
		}
		if at := tracer.Begin(&protocol.Trace{ID: asked.ID, Span: asked.Span}); at != nil {
			t.Errorf("what nobody records was recorded: %+v", at)
		}
		at = tracer.Begin(Of(With(t.Context(), nil)))
		if at != nil {
			t.Errorf("within what is not recorded: %+v", at)
		}
		at = tracer.Begin(Of(t.Context()))
		if (at != nil) != (chance == 1) || at != nil && (at.ID == [16]byte{} || at.Span == [8]byte{}) {
			t.Errorf("by a chance of %v: %+v", chance, at)
		}
	}
	if at := (*Tracer)(nil).Begin(asked); at != nil {
		t.Errorf("no tracer records %+v", at)
	}
}

// TestWhatHasNoPlaceIsDroppedAndCounted, parts and all.
func TestWhatHasNoPlaceIsDroppedAndCounted(t *testing.T) {
	tracer := New(1)
	for range spansMax + 3 {
		tracer.End(&Span{Parts: make([]Part, 2)})
	}
	if n, dropped := tracer.Waiting(), tracer.Dropped(); n != spansMax || dropped != 9 {
		t.Errorf("%d wait, %d are dropped", n, dropped)
	}
	tracer.Close()
	if tracer.End(&Span{}); tracer.Dropped() != 10 || len(tracer.Take(nil, 2*spansMax)) != spansMax || tracer.Wait(t.Context()) {
		t.Errorf("after the end: %d dropped", tracer.Dropped())
	}
}
