package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/scrape"
)

// readMetrics reads what a server tells on its admin port.
func readMetrics(t *testing.T, text string) scrape.Metrics {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }))
	defer server.Close()
	m, err := scrape.Read(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	metricsBefore = `caravan_batch_messages_bucket{le="1"} 900
caravan_batch_messages_bucket{le="2"} 900
caravan_batch_messages_bucket{le="5"} 900
caravan_batch_messages_bucket{le="10"} 900
caravan_batch_messages_bucket{le="+Inf"} 900
caravan_batch_messages_sum 900
caravan_commit_seconds_bucket{le="0.001"} 900
caravan_commit_seconds_bucket{le="0.002"} 900
caravan_commit_seconds_bucket{le="+Inf"} 900
caravan_commit_seconds_sum 0.9
`
	metricsAfter = `caravan_batch_messages_bucket{le="1"} 901
caravan_batch_messages_bucket{le="2"} 901
caravan_batch_messages_bucket{le="5"} 1400
caravan_batch_messages_bucket{le="10"} 1899
caravan_batch_messages_bucket{le="+Inf"} 1900
caravan_batch_messages_sum 8900
caravan_commit_seconds_bucket{le="0.001"} 900
caravan_commit_seconds_bucket{le="0.002"} 1900
caravan_commit_seconds_bucket{le="+Inf"} 1900
caravan_commit_seconds_sum 2.4
caravan_store_info{fsync="on",store="postgres",synchronous_commit="off",synchronous_standby_names="",version="15.14 (Debian)"} 1
`
)

func TestGroupCommitIsThatOfTheMeasuredTime(t *testing.T) {
	before, after := readMetrics(t, metricsBefore), readMetrics(t, metricsAfter)
	rep := &Report{Commits: commits(before, after, 2)}
	c := rep.Commits
	if c.Transactions != 1000 || c.PerSecond != 500 || c.UnderWay != 0.75 || c.Messages.Mean != 8 || c.TookUS.Mean != 1500 {
		t.Errorf("got %+v", c)
	}
	if _, err := json.Marshal(rep); err != nil {
		t.Error(err) // an unbounded bucket must not become a number that JSON lacks
	}
	var text strings.Builder
	rep.writeCommits(func(_, format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) })
	want := `500/s, 0.8 under way at a time; each took 1.50 ms (about: p50 1.50 ms  p90 1.90 ms  p99 1.99 ms)
8.0 messages each (about: p50 5  p90 9  p99 10)
transactions by messages: 1: <1%  3-5: 50%  6-10: 50%  11 or more: <1%
`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}

func TestWithoutACommitThereIsNothingToTell(t *testing.T) {
	m := readMetrics(t, metricsAfter)
	for name, from := range map[string]scrape.Metrics{"none while it was measured": m, "no metrics": {}} {
		to := m
		if name == "no metrics" {
			to = from
		}
		if c := commits(from, to, 1); c != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestDurabilityIsWhatTheServerTellsUnlessSomebodySays(t *testing.T) {
	told := readMetrics(t, metricsAfter)
	for _, c := range []struct {
		said string
		told scrape.Metrics
		want string
	}{
		{"", told, "postgres 15.14 (Debian), fsync=on, synchronous_commit=off (by the server)"},
		{"a ramdisk", told, "a ramdisk"},
		{"", scrape.Metrics{}, storeNotTold},
	} {
		if got := durability(c.said, Caravan, c.told); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
