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

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/socket"
)

// Metrics is the registry, and the observer of the parts that report
// distributions. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	batch    prometheus.Histogram
	commit   prometheus.Histogram
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	reloaded prometheus.Gauge

	waited, told, written, all prometheus.Observer
}

var (
	_ room.Observer = (*Metrics)(nil)
	_ rest.Observer = (*Metrics)(nil)

	_ socket.Observer = (*Metrics)(nil)
)

// New returns the metrics of a program of that version.
func New(version, commit, goVersion string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "caravan_batch_messages", Help: "Events that were asked for in one transaction.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000},
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "caravan_commit_seconds", Help: "Time of one transaction, retries included.",
			Buckets: commitBuckets,
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caravan_rest_requests_total", Help: "REST requests by route and status.",
		}, []string{"route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "caravan_rest_request_seconds", Help: "Time of REST requests by route; that of long polls is mostly waiting.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60},
		}, []string{"route"}),
	}
	m.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "caravan_config_last_reload_successful", Help: "1 where the last SIGHUP found settings that are good, or none came.",
	})
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "caravan_stage_seconds", Help: "Time of events by the stage of their way, of one event of a transaction; all: from the frame that was read to the sockets that are written.",
		Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
	}, []string{"stage"})
	m.waited, m.told = stages.WithLabelValues("lane"), stages.WithLabelValues("tell")
	m.written, m.all = stages.WithLabelValues("write"), stages.WithLabelValues("all")
	m.Reloaded(true)
	m.expect(rest.Routes())
	build := info("caravan_build_info", "Always 1; the labels say what runs.",
		prometheus.Labels{"version": version, "commit": commit, "go": goVersion})
	m.registry.MustRegister(m.batch, m.commit, m.requests, m.latency, m.reloaded, stages, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// commitBuckets are fine where a quiet disk answers, so that quantiles there are
// right to a tenth; what takes longer is only told apart.
var commitBuckets = []float64{
	.0001, .0002, .0003, .0004, .0005, .0006, .0007, .0008, .0009, .001, .0012, .0014, .0016, .0018, .002, .0022, .0025, .0028,
	.0032, .0036, .004, .0045, .005, .006, .008, .01, .015, .02, .03, .05, .1, .2, .5, 1, 2, 5, 10, 20,
}

// Store makes the metrics say what the server commits to.
func (m *Metrics) Store(is *persist.Durability) {
	labels := prometheus.Labels{"store": is.Store, "version": is.Version}
	for _, s := range is.Settings {
		labels[s.Name] = s.Value
	}
	m.registry.MustRegister(info("caravan_store_info", "Always 1; the labels say what a commit survives, as the database told at the start.", labels))
}

func info(name, help string, labels prometheus.Labels) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	g.Set(1)
	return g
}

// Committed implements room.Observer.
func (m *Metrics) Committed(ops int, waited, took time.Duration) {
	m.batch.Observe(float64(ops))
	m.waited.Observe(waited.Seconds())
	m.commit.Observe(took.Seconds())
}

// Told implements room.Observer.
func (m *Metrics) Told(took time.Duration) { m.told.Observe(took.Seconds()) }

// Written implements socket.Observer.
func (m *Metrics) Written(sinceCommit, sinceFrame time.Duration) {
	m.written.Observe(sinceCommit.Seconds())
	m.all.Observe(sinceFrame.Seconds())
}

// Reloaded says how the last reload of the settings went.
func (m *Metrics) Reloaded(well bool) { m.reloaded.Set(one(well)) }

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
