package scrape

import (
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func parsed(t *testing.T, text string) Metrics {
	t.Helper()
	m, err := parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMetricsAreSummedOverTheirLabels(t *testing.T) {
	const before = `# HELP caravan_closes_total ends
# TYPE caravan_closes_total counter
caravan_closes_total{code="1000"} 3
caravan_closes_total{code="4008",text="a } brace"} 4
caravan_socket_writes_total 10
caravan_batch_messages_bucket{le="1"} 7
caravan_build_info{commit="x \"y\" \\",go="go1",version="v1.2.3"} 1
go_goroutines 12
nonsense
`
	earlier := parsed(t, before)
	if got := earlier.Value("caravan_closes_total"); got != 7 {
		t.Errorf("%v closes, want 7", got)
	}
	want := map[string]string{"commit": `x "y" \`, "go": "go1", "version": "v1.2.3"}
	if got := earlier.Info("caravan_build_info"); !maps.Equal(got, want) {
		t.Errorf("build %q, want %q", got, want)
	}
	later := parsed(t, strings.NewReplacer("writes_total 10", "writes_total 1.5e3", "} 4", "} 5", "} 7", "} 9", "12", "13").Replace(before))
	grown := map[string]float64{"caravan_closes_total": 1, "caravan_socket_writes_total": 1490}
	if got := later.Since(earlier); !maps.Equal(got, grown) {
		t.Errorf("grown by %v, want %v", got, grown)
	}
}

// TestALookHasTheServerCompressNothing: the harness would measure what its own looks cost.
func TestALookHasTheServerCompressNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("%q is asked for", got)
		}
		_, _ = w.Write([]byte("go_goroutines 12\n"))
	}))
	defer server.Close()
	if m, err := Read(t.Context(), server.URL); err != nil || m.Value("go_goroutines") != 12 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestAHistogramIsWhatWasCountedBetweenTwoReadings(t *testing.T) {
	const name = "caravan_batch_messages"
	earlier := parsed(t, `
caravan_batch_messages_bucket{le="1"} 5
caravan_batch_messages_bucket{le="2"} 6
caravan_batch_messages_bucket{le="5"} 6
caravan_batch_messages_bucket{le="10"} 6
caravan_batch_messages_bucket{le="+Inf"} 7
caravan_batch_messages_sum 30
caravan_batch_messages_count 7
`)
	later := parsed(t, `
caravan_batch_messages_bucket{le="1"} 5
caravan_batch_messages_bucket{le="2"} 10
caravan_batch_messages_bucket{le="5"} 10
caravan_batch_messages_bucket{le="10"} 14
caravan_batch_messages_bucket{le="+Inf"} 17
caravan_batch_messages_sum 130
caravan_batch_messages_count 17
`)
	h := later.HistogramSince(earlier, name)
	buckets := []Bucket{{1, 2, 4}, {5, 10, 4}, {10, math.Inf(1), 2}}
	if h.Count != 10 || h.Mean() != 10 || !slices.Equal(h.Buckets, buckets) {
		t.Errorf("got %+v, mean %v", h, h.Mean())
	}
	for q, want := range map[float64]float64{0: 1, 0.2: 1.5, 0.4: 2, 0.6: 7.5, 0.8: 10, 0.99: 10, 1: 10} {
		if got := h.Quantile(q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	none := later.HistogramSince(later, name)
	if none.Count != 0 || none.Mean() != 0 || none.Quantile(0.5) != 0 {
		t.Errorf("of nothing: %+v", none)
	}
	if first := earlier.HistogramSince(Metrics{}, name); first.Count != 7 {
		t.Errorf("since the beginning: %+v", first)
	}
}

func TestReadSaysWhyThereAreNoMetrics(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, admin := range []string{server.URL, "http://127.0.0.1:1", ":nonsense"} {
		if _, err := Read(t.Context(), admin); err == nil || !strings.Contains(err.Error(), "admin port") {
			t.Errorf("%s: error %v", admin, err)
		}
	}
}

func TestNodesAreToldTogetherAndBySecond(t *testing.T) {
	one := parsed(t, "caravan_a_total 3\ncaravan_rooms 5\ncaravan_build_info{version=\"1\"} 1\ncaravan_h_bucket{le=\"1\"} 2\n")
	two := parsed(t, "caravan_a_total 4\ncaravan_rooms 6\ncaravan_build_info{version=\"2\"} 1\ncaravan_h_bucket{le=\"1\"} 3\nother_total 5\n")
	all := Together(one, two)
	if all.Value("caravan_a_total") != 7 || all.Info("caravan_build_info")["version"] != "1" {
		t.Errorf("%+v", all)
	}
	if h := all.HistogramSince(Metrics{}, "caravan_h"); h.Count != 5 {
		t.Errorf("%+v", h)
	}
	want := map[string]float64{"caravan_a_total": 4, "caravan_rooms": 11}
	if got := all.Second(one); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := all.Second(Metrics{}); len(got) != 0 {
		t.Errorf("the first reading says how far nothing went: %v", got)
	}
}
