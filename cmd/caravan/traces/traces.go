// Package traces sends what was recorded of messages and calls to a collector of OpenTelemetry,
// by OTLP over HTTP.
package traces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/caravan-chat/caravan/room/trace"
)

const (
	spansMax      = 512              // in one request, their parts apart
	gatherTime    = time.Second      // how long the first of them waits for others
	sendTimeout   = 10 * time.Second // for a request
	closeTimeout  = time.Second      // for what waits at the end; the whole program has little more
	answerBytes   = 64 << 10         // of an answer that are read
	headerBytes   = 64 << 10         // of an answer's header
	complainEvery = time.Minute      // lines of the log about a collector that does not take spans
)

// Config says where spans go, and who sends them.
type Config struct {
	Endpoint string // http:// or https://; may hold a password
	Service  map[string]string
	Tracer   *trace.Tracer
	Log      *slog.Logger
}

// Exporter sends the spans of a Tracer. It owns one goroutine until Close.
type Exporter struct {
	cfg     Config
	url     string
	client  http.Client
	from    *resource.Resource
	closing chan struct{}
	stop    context.CancelFunc
	done    sync.WaitGroup

	sent, lost atomic.Int64
	complained time.Time // owned by the goroutine
}

// Start begins to send.
func Start(cfg Config) *Exporter {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = headerBytes
	return start(cfg, transport)
}

func start(cfg Config, transport http.RoundTripper) *Exporter {
	e := &Exporter{
		cfg: cfg, url: address(cfg.Endpoint), from: &resource.Resource{Attributes: texts(cfg.Service)}, closing: make(chan struct{}),
		client: http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, // elsewhere it would come without its spans
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.done.Go(func() { e.run(ctx) })
	return e
}

// address is where an endpoint takes traces.
func address(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil { // config has parsed it
		return endpoint
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	if !strings.HasSuffix(u.Path, "/v1/traces") {
		u = u.JoinPath("v1", "traces")
	}
	return u.String()
}

// Close sends what waits, for a while, and ends.
func (e *Exporter) Close() {
	e.cfg.Tracer.Close()
	close(e.closing)
	limit := time.AfterFunc(closeTimeout, e.stop)
	defer limit.Stop()
	e.done.Wait()
	e.stop()
	e.client.CloseIdleConnections()
}

// Stats are counts of spans since the start, parts included.
type Stats struct {
	Sent    int64
	Lost    int64 // the collector did not take them
	Dropped int64 // they had no place to wait in
}

// Stats returns the present figures.
func (e *Exporter) Stats() Stats {
	return Stats{Sent: e.sent.Load(), Lost: e.lost.Load(), Dropped: e.cfg.Tracer.Dropped()}
}

// run sends until the Tracer is closed and empty, or ctx ends.
func (e *Exporter) run(ctx context.Context) {
	var spans []*trace.Span
	for e.cfg.Tracer.Wait(ctx) {
		select {
		case <-time.After(gatherTime):
		case <-e.closing:
		}
		for more := true; more; { // what comes meanwhile is gathered anew
			spans = e.cfg.Tracer.Take(spans[:0], spansMax)
			more = len(spans) == spansMax
			if len(spans) > 0 {
				e.sendCounted(ctx, spans)
			}
			clear(spans)
		}
	}
}

// sendCounted sends spans, and counts what became of them.
func (e *Exporter) sendCounted(ctx context.Context, spans []*trace.Span) {
	n := int64(count(spans))
	refused, err := e.send(ctx, e.message(spans))
	if err != nil {
		refused = n
		e.complain(err)
	}
	refused = min(refused, n)
	e.lost.Add(refused)
	e.sent.Add(n - refused)
}

func count(spans []*trace.Span) (n int) {
	for _, s := range spans {
		n += 1 + len(s.Parts)
	}
	return n
}

// send returns how many spans of a request the collector has refused. A request that fails is
// not sent again: what comes meanwhile would have no place.
func (e *Exporter) send(ctx context.Context, message *collector.ExportTraceServiceRequest) (refused int64, err error) {
	body, err := proto.Marshal(message)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "caravan")
	res, err := e.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerBytes))
	if err != nil {
		return 0, err
	}
	if res.StatusCode/100 != 2 {
		return 0, fmt.Errorf("the collector answers %s", res.Status)
	}
	var answer collector.ExportTraceServiceResponse
	if proto.Unmarshal(text, &answer) != nil { // it took them, whatever it says
		return 0, nil
	}
	return max(0, answer.GetPartialSuccess().GetRejectedSpans()), nil
}

// complain says now and then that spans are lost.
func (e *Exporter) complain(err error) {
	if time.Since(e.complained) < complainEvery {
		return
	}
	e.complained = time.Now()
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		err = wrong.Err // without the URL, and what is secret in it
	}
	e.cfg.Log.Warn("traces cannot be sent: they are lost", "error", err)
}
