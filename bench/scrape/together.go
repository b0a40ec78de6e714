package scrape

import (
	"maps"
	"strings"
)

// Together sums what several nodes tell. Of what they tell by labels alone it keeps the first's.
func Together(nodes ...Metrics) Metrics {
	if len(nodes) == 1 {
		return nodes[0]
	}
	sum := Metrics{values: map[string]float64{}, histograms: map[string]map[float64]int64{}, infos: map[string]map[string]string{}}
	for _, m := range nodes {
		for name, v := range m.values {
			sum.values[name] += v
		}
		for name, buckets := range m.histograms {
			if sum.histograms[name] == nil {
				sum.histograms[name] = map[float64]int64{}
			}
			for bound, n := range buckets {
				sum.histograms[name][bound] += n
			}
		}
		for name, labels := range m.infos {
			if sum.infos[name] == nil {
				sum.infos[name] = maps.Clone(labels)
			}
		}
	}
	return sum
}

// Second returns what changed from an earlier reading to this one, a second later, of the
// server's own metrics: of counters how far they went on, of gauges where they stand. What is
// zero is left out.
func (m Metrics) Second(earlier Metrics) map[string]float64 {
	changed := map[string]float64{}
	if len(earlier.values) == 0 {
		return changed
	}
	for name, v := range m.values {
		if isCounter(name) {
			v -= earlier.values[name]
		}
		if v != 0 && strings.HasPrefix(name, "caravan_") && !strings.HasSuffix(name, "_info") {
			changed[name] = v
		}
	}
	return changed
}

// isCounter goes by the endings that Prometheus prescribes.
func isCounter(name string) bool {
	for _, ending := range []string{"_total", "_sum", "_count"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}
