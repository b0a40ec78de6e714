// Package scrape reads the metrics that a server tells about itself on its admin
// port, in Prometheus' text format. What it returns never changes, so it is safe
// for concurrent use.
package scrape

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Metrics are a server's metrics at a moment. The zero value holds none.
type Metrics struct {
	values     map[string]float64           // of counters, gauges, and sums and counts of histograms
	histograms map[string]map[float64]int64 // by name, observations up to each bound
	infos      map[string]map[string]string // labels of metrics that are named …_info
}

const (
	timeout  = 5 * time.Second
	bytesMax = 16 << 20
)

// Read reads the metrics from the admin port, http://host:port, within 5 s.
func Read(ctx context.Context, admin string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(admin, "/")+"/metrics", nil)
	if err != nil {
		return Metrics{}, fmt.Errorf("admin port: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // to compress it costs the server that is measured more than all else here
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Metrics{}, fmt.Errorf("admin port: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or not needed any more
	if resp.StatusCode != http.StatusOK {
		return Metrics{}, fmt.Errorf("admin port: %s/metrics answers %s", admin, resp.Status)
	}
	return parse(io.LimitReader(resp.Body, bytesMax))
}

// sample is a line: a name, labels where it has any, a number.
var sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)`)

// label is one of a sample's labels; quotes and backslashes in its value are escaped.
var label = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

// parse reads the text format. Lines that are no sample are left out; samples of
// one name that differ in their labels are summed.
func parse(r io.Reader) (Metrics, error) {
	m := Metrics{values: map[string]float64{}, histograms: map[string]map[float64]int64{}, infos: map[string]map[string]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		found := sample.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		name, labels := found[1], found[2]
		v, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			continue
		}
		if histogram, ok := strings.CutSuffix(name, "_bucket"); ok {
			m.addBucket(histogram, parseLabels(labels)["le"], v)
			continue
		}
		if strings.HasSuffix(name, "_info") {
			m.infos[name] = parseLabels(labels)
		}
		m.values[name] += v
	}
	return m, lines.Err()
}

func parseLabels(text string) map[string]string {
	labels := map[string]string{}
	for _, found := range label.FindAllStringSubmatch(text, -1) {
		labels[found[1]] = unescape.Replace(found[2])
	}
	return labels
}

func (m *Metrics) addBucket(name, bound string, n float64) {
	le, err := strconv.ParseFloat(bound, 64)
	if err != nil || math.IsNaN(le) {
		return
	}
	if m.histograms[name] == nil {
		m.histograms[name] = map[float64]int64{}
	}
	m.histograms[name][le] += int64(n)
}

// Value returns a counter's or gauge's value, summed over its labels; zero where
// there is none of that name.
func (m Metrics) Value(name string) float64 { return m.values[name] }

// Info returns the labels of a metric that exists for their sake, such as
// caravan_build_info; nil where there is none. The caller must not change them.
func (m Metrics) Info(name string) map[string]string { return m.infos[name] }

// Since returns what grew from an earlier reading to this one, of the server's
// own metrics (not of its runtime's). Buckets of histograms are left out.
func (m Metrics) Since(earlier Metrics) map[string]float64 {
	grown := map[string]float64{}
	for name, v := range m.values {
		if d := v - earlier.values[name]; d > 0 && strings.HasPrefix(name, "caravan_") {
			grown[name] = d
		}
	}
	return grown
}
