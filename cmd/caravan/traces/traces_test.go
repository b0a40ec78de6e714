package traces

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/trace"
)

// receiver is a collector that says what each test wants it to.
type receiver struct {
	mu     sync.Mutex
	got    []*collector.ExportTraceServiceRequest
	paths  []string
	user   string
	status int
	answer *collector.ExportTraceServiceResponse
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	text, _ := io.ReadAll(q.Body)
	var message collector.ExportTraceServiceRequest
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.Method == http.MethodGet { // a page for people
		return
	}
	if err := proto.Unmarshal(text, &message); err != nil || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.got, r.paths = append(r.got, &message), append(r.paths, q.URL.Path)
	r.user, _, _ = q.BasicAuth()
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(r.status)
	body, _ := proto.Marshal(r.answer)
	_, _ = w.Write(body)
}

func span() *trace.Span {
	begun := time.Unix(1_800_000_000, 7)
	return &trace.Span{
		At: protocol.Trace{ID: [16]byte{1}, Span: [8]byte{2}}, Parent: [8]byte{3}, Name: "chat_message", Failed: "unavailable",
		Start: begun, End: begun.Add(time.Second), Attributes: []slog.Attr{slog.Int("n", 5), slog.String("s", "x")},
		Parts: []trace.Part{{Name: "lane", Start: begun, End: begun.Add(time.Millisecond)}},
	}
}

// TestSpansReachACollector, with all that they say, also those that waited at the end.
func TestSpansReachACollector(t *testing.T) {
	r := &receiver{status: http.StatusOK}
	server := httptest.NewServer(r)
	defer server.Close()
	tracer := trace.New(1)
	e := Start(Config{Endpoint: strings.Replace(server.URL, "http://", "http://amina:secret@", 1), Service: map[string]string{"service.name": "caravan"}, Tracer: tracer, Log: slog.New(slog.DiscardHandler)})
	for range spansMax + 1 {
		tracer.End(span())
	}
	e.Close()
	if st := e.Stats(); st != (Stats{Sent: 2 * (spansMax + 1)}) {
		t.Errorf("%+v", st)
	}
	if len(r.got) != 2 || r.paths[0] != "/v1/traces" || r.user != "amina" {
		t.Fatalf("%d requests to %v by %q", len(r.got), r.paths, r.user)
	}
	from := r.got[1].ResourceSpans[0]
	if a := from.Resource.Attributes[0]; a.Key != "service.name" || a.Value.GetStringValue() != "caravan" {
		t.Errorf("from %v", a)
	}
	got := from.ScopeSpans[0].Spans
	if len(got) != 2 {
		t.Fatalf("%d spans", len(got))
	}
	whole, part := got[0], got[1]
	if whole.TraceId[0] != 1 || whole.SpanId[0] != 2 || whole.ParentSpanId[0] != 3 || whole.Name != "chat_message" || whole.Status.Message != "unavailable" ||
		whole.StartTimeUnixNano != 1_800_000_000_000_000_007 || whole.EndTimeUnixNano-whole.StartTimeUnixNano != 1e9 ||
		whole.Attributes[0].Value.GetIntValue() != 5 || whole.Attributes[1].Value.GetStringValue() != "x" {
		t.Errorf("the span is %v", whole)
	}
	if part.TraceId[0] != 1 || string(part.ParentSpanId) != string(whole.SpanId) || string(part.SpanId) == string(whole.SpanId) || part.Name != "lane" {
		t.Errorf("its part is %v", part)
	}
}

// TestAnEndpointIsABase, or the whole URL.
func TestAnEndpointIsABase(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://h:4318":             "http://h:4318/v1/traces",
		"http://h:4318/":            "http://h:4318/v1/traces",
		"https://h/otlp/":           "https://h/otlp/v1/traces",
		"https://h/otlp?key=x":      "https://h/otlp/v1/traces?key=x",
		"http://u:p%40@h/v1/traces": "http://u:p%40@h/v1/traces",
		"http://u:p%40@h":           "http://u:p%40@h/v1/traces",
		"http://h/v1/traces/":       "http://h/v1/traces",
		"http://h/v1/traces/?key=x": "http://h/v1/traces?key=x",
	} {
		if got := address(endpoint); got != want {
			t.Errorf("%s is %s, want %s", endpoint, got, want)
		}
	}
}

// TestWhatACollectorDoesNotTakeIsCounted, and the log says it without what is secret.
func TestWhatACollectorDoesNotTakeIsCounted(t *testing.T) {
	for name, r := range map[string]*receiver{
		"it refuses":        {status: http.StatusServiceUnavailable},
		"it is elsewhere":   {status: http.StatusFound},
		"it takes one":      {status: http.StatusOK, answer: &collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 1}}},
		"it is not there":   nil,
		"it says something": {status: http.StatusOK, answer: &collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 1 << 40}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(r)
			defer server.Close()
			if r == nil {
				server.Close()
			}
			var log strings.Builder
			tracer := trace.New(1)
			e := Start(Config{Endpoint: strings.Replace(server.URL, "http://", "http://amina:secret@", 1) + "/hidden", Tracer: tracer, Log: slog.New(slog.NewTextHandler(&log, nil))})
			tracer.End(span())
			e.Close()
			tracer.End(span()) // nobody is there any more
			want := Stats{Lost: 2, Dropped: 2}
			if name == "it takes one" {
				want.Sent, want.Lost = 1, 1
			}
			if st := e.Stats(); st != want {
				t.Errorf("%+v, want %+v", st, want)
			}
			if said := log.String(); strings.Contains(said, "secret") || strings.Contains(said, "hidden") || strings.Contains(said, "they are lost") != (r == nil || r.status != http.StatusOK) {
				t.Errorf("the log says %q", said)
			}
		})
	}
}

// transport is what a client sends by.
type transport func() (*http.Response, error)

func (t transport) RoundTrip(*http.Request) (*http.Response, error) { return t() }

// TestSpansGoOnceASecond, also those that come while others are sent.
func TestSpansGoOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer := trace.New(1)
		var requests atomic.Int32
		e := start(Config{Endpoint: "http://collector", Tracer: tracer, Log: slog.New(slog.DiscardHandler)}, transport(func() (*http.Response, error) {
			if requests.Add(1) < 3 {
				tracer.End(span())
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}))
		tracer.End(span())
		time.Sleep(gatherTime + gatherTime/2)
		synctest.Wait()
		if n := requests.Load(); n != 1 {
			t.Errorf("%d requests in a second and a half", n)
		}
		time.Sleep(2 * gatherTime)
		e.Close()
		if st := e.Stats(); st != (Stats{Sent: 6}) {
			t.Errorf("%+v", st)
		}
	})
}
