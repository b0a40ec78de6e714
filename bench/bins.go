package bench

import "math/bits"

// bins is a small histogram of times: 32 bins for each doubling, so a time is known to 3 %.
// The zero value is empty. It is of one goroutine, and may be copied.
type bins struct {
	counts [binsCount]uint32
	n      int64
	max    int64 // ns
}

const (
	binUnitBits     = 10 // of 1,024 ns, the finest difference
	binsEachBits    = 5  // 32 bins for each doubling
	binsEach        = 1 << binsEachBits
	binsCount       = 25 * binsEach
	longestBinnedNS = latencyMax
)

// record counts a time in ns. Times beyond latencyMax are as long as that.
func (b *bins) record(ns int64) {
	ns = min(max(ns, 0), longestBinnedNS)
	b.counts[binOf(ns)]++
	b.n++
	b.max = max(b.max, ns)
}

func binOf(ns int64) int {
	units := uint64(ns) >> binUnitBits
	if units < binsEach {
		return int(units)
	}
	doublings := bits.Len64(units) - 1 - binsEachBits
	return doublings*binsEach + int(units>>doublings)
}

// upTo is the longest time that a bin holds.
func upTo(bin int) int64 {
	if bin < binsEach {
		return int64(bin+1)<<binUnitBits - 1
	}
	doublings := bin/binsEach - 1
	first := int64(bin%binsEach + binsEach)
	return (first+1)<<(doublings+binUnitBits) - 1
}

// add counts what another one has counted.
func (b *bins) add(o *bins) {
	for i, n := range o.counts {
		b.counts[i] += n
	}
	b.n += o.n
	b.max = max(b.max, o.max)
}

// quantile is the time in ns that a share q of all does not exceed; zero where there are none.
func (b *bins) quantile(q float64) int64 {
	rank, below := max(int64(q*float64(b.n)+0.5), 1), int64(0)
	for i, n := range b.counts {
		if below += int64(n); n > 0 && below >= rank {
			return min(upTo(i), b.max)
		}
	}
	return 0
}

// Percentiles are of the times of one second, in microseconds and to 3 %.
type Percentiles struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p99_9_us"`
	Max   float64 `json:"max_us"`
}

func (b *bins) percentiles() Percentiles {
	us := func(q float64) float64 { return float64(b.quantile(q)) / 1e3 }
	return Percentiles{Count: b.n, P50: us(0.5), P90: us(0.9), P99: us(0.99), P999: us(0.999), Max: float64(b.max) / 1e3}
}
