package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// metrics are the counters and gauges of the server's /metrics, each summed over
// its labels, and the version that the server tells about itself.
type metrics struct {
	values  map[string]float64
	version string
}

const (
	scrapeTimeout  = 5 * time.Second
	scrapeBytesMax = 16 << 20
)

// scrape reads the metrics from the admin port.
func scrape(admin string) (metrics, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(admin, "/")+"/metrics", nil)
	if err != nil {
		return metrics{}, fmt.Errorf("admin port: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return metrics{}, fmt.Errorf("admin port: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or not needed any more
	if resp.StatusCode != http.StatusOK {
		return metrics{}, fmt.Errorf("admin port: %s/metrics answers %s", admin, resp.Status)
	}
	return parseMetrics(io.LimitReader(resp.Body, scrapeBytesMax))
}

// buildVersion finds the version label of a …_build_info metric of the server's own.
var buildVersion = regexp.MustCompile(`^caravan_build_info\{.*\bversion="([^"]*)"`)

// parseMetrics reads Prometheus' text format. Lines that are no sample are skipped.
func parseMetrics(r io.Reader) (metrics, error) {
	m := metrics{values: map[string]float64{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		if found := buildVersion.FindStringSubmatch(line); found != nil {
			m.version = found[1]
		}
		name, rest := line, ""
		if before, _, ok := strings.Cut(line, "{"); ok {
			name, rest = before, line[strings.LastIndexByte(line, '}')+1:]
		} else if space := strings.IndexByte(line, ' '); space >= 0 {
			name, rest = line[:space], line[space:]
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			m.values[name] += v
		}
	}
	return m, lines.Err()
}

// since returns what grew from an earlier reading to this one, of the server's
// own metrics (not of its runtime's). Buckets of histograms are left out.
func (m metrics) since(earlier metrics) map[string]float64 {
	grown := map[string]float64{}
	for name, v := range m.values {
		if d := v - earlier.values[name]; d > 0 && strings.HasPrefix(name, "caravan_") && !strings.HasSuffix(name, "_bucket") {
			grown[name] = d
		}
	}
	return grown
}
