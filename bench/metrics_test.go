package bench

import (
	"maps"
	"strings"
	"testing"
)

func TestMetricsAreSummedOverTheirLabels(t *testing.T) {
	const before = `# HELP caravan_closes_total ends
# TYPE caravan_closes_total counter
caravan_closes_total{code="1000"} 3
caravan_closes_total{code="4008",text="a } brace"} 4
caravan_socket_writes_total 10
caravan_batch_messages_bucket{le="1"} 7
caravan_build_info{commit="x",go="go1",version="v1.2.3"} 1
go_goroutines 12
nonsense
`
	earlier, err := parseMetrics(strings.NewReader(before))
	if err != nil {
		t.Fatal(err)
	}
	if earlier.version != "v1.2.3" || earlier.values["caravan_closes_total"] != 7 {
		t.Errorf("version %q, %v", earlier.version, earlier.values)
	}
	later, err := parseMetrics(strings.NewReader(strings.NewReplacer("writes_total 10", "writes_total 1.5e3", "} 4", "} 5", "} 7", "} 9", "12", "13").Replace(before)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"caravan_closes_total": 1, "caravan_socket_writes_total": 1490}
	if got := later.since(earlier); !maps.Equal(got, want) {
		t.Errorf("grown by %v, want %v", got, want)
	}
}
