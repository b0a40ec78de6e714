package scrape

import (
	"maps"
	"math"
	"slices"
)

// Histogram is what a histogram counted between two readings.
type Histogram struct {
	Count   int64
	Sum     float64
	Buckets []Bucket // those that counted something, by size
}

// Bucket holds the observations above Above, up to and including UpTo.
type Bucket struct {
	Above float64
	UpTo  float64 // +Inf in the last one
	Count int64
}

// HistogramSince returns what the histogram of that name, summed over its labels,
// counted from an earlier reading of the same server to this one.
func (m Metrics) HistogramSince(earlier Metrics, name string) Histogram {
	h := Histogram{Sum: m.values[name+"_sum"] - earlier.values[name+"_sum"]}
	above, below := 0.0, int64(0)
	for _, bound := range slices.Sorted(maps.Keys(m.histograms[name])) {
		upTo := m.histograms[name][bound] - earlier.histograms[name][bound]
		if upTo > below {
			h.Buckets = append(h.Buckets, Bucket{Above: above, UpTo: bound, Count: upTo - below})
		}
		above, below = bound, upTo
	}
	h.Count = below
	return h
}

// Mean is exact. It is zero where nothing was counted.
func (h Histogram) Mean() float64 {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / float64(h.Count)
}

// Quantile is as exact as the buckets are: within the one that holds it, what was
// counted is taken to be spread evenly. Of what lies beyond the last bound, it only
// knows that bound. It is zero where nothing was counted.
func (h Histogram) Quantile(q float64) float64 {
	rank, below := q*float64(h.Count), 0.0
	for _, b := range h.Buckets {
		n := float64(b.Count)
		switch {
		case below+n < rank:
			below += n
		case math.IsInf(b.UpTo, 1):
			return b.Above
		default:
			return b.Above + (b.UpTo-b.Above)*(rank-below)/n
		}
	}
	return 0
}
