package app_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// collected are the spans that a collector of OpenTelemetry was sent.
type collected struct {
	mu    sync.Mutex
	spans []*wire.Span
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var message collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(text, &message) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range message.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// of returns the spans of a trace, by their names, and how many there are of all traces.
func (c *collected) of(trace string) (byName map[string]*wire.Span, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	byName = make(map[string]*wire.Span)
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == trace {
			byName[s.Name] = s
		}
	}
	return byName, len(c.spans)
}

// TestTracesReachACollector: of a frame and of a REST call that are within a trace the way to the
// members, and of what nobody asks to record nothing, by a ratio of 0.
func TestTracesReachACollector(t *testing.T) {
	at := new(collected)
	receiver := httptest.NewServer(at)
	t.Cleanup(receiver.Close)
	s := start(t, sqliteFile(t), "--otlp-endpoint", receiver.URL, "--trace-ratio", "0")
	const (
		byFrame, byREST, old = "4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4736", "6bf92f3577b34da6a3ce929d0e0e4736"
		caller               = "00f067aa0ba902b7"
	)
	parent := func(trace, flags string) string { return "00-" + trace + "-" + caller + "-" + flags }
	frame := func(trace, flags string) string {
		return `{"type":"chat_message","content":"hi","traceparent":"` + parent(trace, flags) + `"}`
	}
	for version, says := range map[string][]string{"": {frame(old, "01")}, "&v=2": {frame(byFrame, "01"), frame(old, "00"), frame("", "01")}} {
		m := &member{t, s.open(0, 0, version)}
		for _, text := range says {
			m.send(text)
			for m.read().Type != "chat_message" {
			}
		}
	}
	trip := persist.FleetTrip(0).String()
	body := `{"chat_room":"` + trip + `","content":"hi"}`
	for _, header := range [][]string{{"traceparent", parent(byREST, "01")}, {"traceparent", parent(old, "00")}, nil} {
		var m message
		s.call(bearer(t, 0), "POST", messagesPath, body, header...).into(t, http.StatusCreated, &m)
	}
	if got := s.call("", "GET", roomsPath, "", "traceparent", parent(old, "01")); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.StatusCode)
	}
	const want = 4 + 5 // chat_message, lane, commit, tell; and by REST the call
	await.Until(t, "the spans are there", func() bool { _, all := at.of(""); return all >= want })
	s.shutDown() // and nothing waits any more
	if _, all := at.of(""); all != want {
		t.Errorf("%d spans, want %d", all, want)
	}

	spans, _ := at.of(byFrame)
	if m := spans["chat_message"]; m == nil || m.Kind != wire.Span_SPAN_KIND_SERVER || hex.EncodeToString(m.ParentSpanId) != caller || m.EndTimeUnixNano < m.StartTimeUnixNano {
		t.Fatalf("the frame's is %v", m)
	}
	for _, of := range []string{byFrame, byREST} {
		spans, _ := at.of(of)
		m := spans["chat_message"]
		for _, name := range []string{"lane", "commit", "tell"} {
			if p := spans[name]; p == nil || string(p.ParentSpanId) != string(m.SpanId) || p.StartTimeUnixNano < m.StartTimeUnixNano || p.EndTimeUnixNano > m.EndTimeUnixNano {
				t.Errorf("%s within %v is %v", name, m, p)
			}
		}
	}
	spans, _ = at.of(byREST)
	call := spans["POST messages"]
	if call == nil || call.Kind != wire.Span_SPAN_KIND_SERVER || spans["chat_message"].Kind != wire.Span_SPAN_KIND_INTERNAL || hex.EncodeToString(call.ParentSpanId) != caller || string(spans["chat_message"].ParentSpanId) != string(call.SpanId) {
		t.Errorf("the call is %v of %v", call, spans)
	}
}

// TestTracesAreCounted where the collector is away, and nobody waits for it.
func TestTracesAreCounted(t *testing.T) {
	receiver := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	s := start(t, sqliteFile(t), "--otlp-endpoint", receiver.URL, "--trace-ratio", "1")
	s.post(0, persist.FleetTrip(0).String(), "hi")
	await.Until(t, "what was not taken is counted", func() bool {
		return strings.Contains(string(s.admin("/metrics").body), "caravan_spans_dropped_total{reason=\"collector\"} 5\n")
	})
}
