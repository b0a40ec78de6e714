package metrics

import "github.com/caravan-chat/caravan/cmd/caravan/traces"

// What is read of the traces.
var (
	spansSent    = counter("spans_sent", "Spans of traces that the collector took.")
	spansDropped = counter("spans_dropped", "Spans of traces that it did not get, by reason.", "reason")
)

func (s sink) traces(n traces.Stats) {
	s.number(spansSent, float64(n.Sent))
	s.number(spansDropped, float64(n.Dropped), "queue")
	s.number(spansDropped, float64(n.Lost), "collector")
}
