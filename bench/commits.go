package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/caravan-chat/caravan/bench/scrape"
)

// Where the server tells about itself, its store and its commits.
const (
	buildMetric  = "caravan_build_info"
	storeMetric  = "caravan_store_info"
	storeLabel   = "store"
	versionLabel = "version"
	batchMetric  = "caravan_batch_messages"
	commitMetric = "caravan_commit_seconds"
)

const (
	storeNotTold  = "as the server promises: an echo follows its commit (store not told: see --admin)"
	othersPromise = "not known: the protocol promises none"
)

// CommitPart is how the server's transactions were while it was measured, by its
// own histograms. Quantiles are as exact as their buckets.
type CommitPart struct {
	Transactions int64        `json:"transactions"`
	PerSecond    float64      `json:"per_second"`
	UnderWay     float64      `json:"under_way"` // on average at one time
	Messages     Distribution `json:"messages_each"`
	Sizes        []SizeShare  `json:"messages_histogram"`
	TookUS       Distribution `json:"took_us"` // retries included
}

// Distribution is a distribution as a histogram with few buckets tells it. Only
// its mean is exact.
type Distribution struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
}

// SizeShare counts the transactions of From to To messages.
type SizeShare struct {
	From         int64 `json:"from"`
	To           int64 `json:"to"` // zero: there is no bound
	Transactions int64 `json:"transactions"`
}

// commits reads what the server committed between two moments; nil where it did
// not, or does not tell.
func commits(from, to scrape.Metrics, seconds float64) *CommitPart {
	sizes, times := to.HistogramSince(from, batchMetric), to.HistogramSince(from, commitMetric)
	if sizes.Count == 0 {
		return nil
	}
	c := &CommitPart{
		Transactions: sizes.Count,
		PerSecond:    ratio(float64(sizes.Count), seconds),
		UnderWay:     ratio(times.Sum, seconds),
		Messages:     distribution(sizes, 1),
		TookUS:       distribution(times, 1e6),
	}
	for _, b := range sizes.Buckets {
		share := SizeShare{From: int64(b.Above) + 1, Transactions: b.Count}
		if !math.IsInf(b.UpTo, 1) {
			share.To = int64(b.UpTo)
		}
		c.Sizes = append(c.Sizes, share)
	}
	return c
}

func distribution(h scrape.Histogram, unit float64) Distribution {
	return Distribution{Mean: unit * h.Mean(), P50: unit * h.Quantile(0.5), P90: unit * h.Quantile(0.9), P99: unit * h.Quantile(0.99)}
}

func (rep *Report) writeCommits(line liner) {
	c := rep.Commits
	if c == nil {
		return
	}
	m, t := &c.Messages, &c.TookUS
	line("commits", "%.0f/s, %.1f under way at a time; each took %s (about: p50 %s  p90 %s  p99 %s)",
		c.PerSecond, c.UnderWay, ShowDuration(t.Mean), ShowDuration(t.P50), ShowDuration(t.P90), ShowDuration(t.P99))
	line("", "%.1f messages each (about: p50 %.0f  p90 %.0f  p99 %.0f)", m.Mean, m.P50, m.P90, m.P99)
	line("", "transactions by messages: %s", c.histogram())
}

// histogram shows the shares of transactions by their size.
func (c *CommitPart) histogram() string {
	parts := make([]string, len(c.Sizes))
	for i, s := range c.Sizes {
		sizes := fmt.Sprintf("%d-%d", s.From, s.To)
		switch s.To {
		case s.From:
			sizes = fmt.Sprint(s.From)
		case 0:
			sizes = fmt.Sprintf("%d or more", s.From)
		}
		share := fmt.Sprintf("%.0f%%", 100*ratio(float64(s.Transactions), float64(c.Transactions)))
		if share == "0%" {
			share = "<1%"
		}
		parts[i] = sizes + ": " + share
	}
	return strings.Join(parts, "  ")
}

// durability says what store and settings the server runs on: what the user
// says, or else what the server tells.
func durability(said string, by Protocol, told scrape.Metrics) string {
	labels := told.Info(storeMetric)
	switch {
	case said != "":
		return said
	case labels == nil && by != Caravan:
		return othersPromise
	case labels == nil:
		return storeNotTold
	}
	words := []string{labels[storeLabel] + prefixed(" ", labels[versionLabel])}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != storeLabel && name != versionLabel && labels[name] != "" {
			words = append(words, name+"="+labels[name])
		}
	}
	return strings.Join(words, ", ") + " (by the server)"
}
