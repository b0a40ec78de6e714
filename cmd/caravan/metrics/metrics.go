// Package metrics is what Prometheus sees of a server, in a registry of its own.
//
// Distributions are observed as they happen; everything else is read from the
// parts' own counters when Prometheus asks. docs/operations.md says what each
// metric means.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
)

// Metrics is the registry, and the observer of the parts that report
// distributions. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	batch    prometheus.Histogram
	commit   prometheus.Histogram
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

var (
	_ room.Observer = (*Metrics)(nil)
	_ rest.Observer = (*Metrics)(nil)
)

// New returns the metrics of a program of that version.
func New(version, commit, goVersion string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "caravan_batch_messages", Help: "Messages and edits in one transaction.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000},
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "caravan_commit_seconds", Help: "Time of one transaction, retries included.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20},
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caravan_rest_requests_total", Help: "REST requests by route and status.",
		}, []string{"route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "caravan_rest_request_seconds", Help: "Time of REST requests by route; that of long polls is mostly waiting.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60},
		}, []string{"route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "caravan_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go": goVersion},
	})
	build.Set(1)
	m.registry.MustRegister(m.batch, m.commit, m.requests, m.latency, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Committed implements room.Observer.
func (m *Metrics) Committed(ops int, took time.Duration) {
	m.batch.Observe(float64(ops))
	m.commit.Observe(took.Seconds())
}

// Answered implements rest.Observer.
func (m *Metrics) Answered(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
}

// Read makes the metrics include the figures of a server. It is called once.
func (m *Metrics) Read(from Sources) { m.registry.MustRegister(&collector{from}) }

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
