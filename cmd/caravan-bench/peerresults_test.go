package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Plot and table of the README are of the results that are kept.
func TestTheReadmeShowsWhatWasMeasured(t *testing.T) {
	var kept peerResults
	if err := kept.read("../../bench/results/peers.json"); err != nil {
		t.Fatal(err)
	}
	var drawn bytes.Buffer
	if err := kept.writePlot(&drawn); err != nil {
		t.Fatal(err)
	}
	if there, err := os.ReadFile("../../docs/images/bench.svg"); err != nil || !bytes.Equal(there, drawn.Bytes()) {
		t.Errorf("docs/images/bench.svg is not drawn from bench/results/peers.json: caravan-bench peers --from draws it (%v)", err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range kept.Workloads {
		for _, s := range w.Servers {
			if figure := fmt.Sprintf("%.2f µs, p99", s.CPUPerDeliveryUS); !strings.Contains(string(readme), figure) || !s.OK {
				t.Errorf("%s, %s: %q is not in the README, or the run was not clean", w.Name, s.Server, figure)
			}
		}
	}
}

// Results that were kept are drawn again, and nothing is measured.
func TestPeersDrawWhatWasKept(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "peers.json")
	results := peerResults{Version: "v1", Workloads: []peerMeasurement{
		{Name: "pairs", About: "rooms of 2", Servers: []peerFigure{{Server: "floor", CPUPerDeliveryUS: 2}, {Server: "caravan-postgres", CPUPerDeliveryUS: 3, EchoP99US: 1500}}},
		{Name: "idle", About: "idle", Idle: true, Servers: []peerFigure{{Server: "floor", CPUPerConnectUS: 40, RSSPer: 1, HeldS: 10}}},
	}}
	var b bytes.Buffer
	if err := writeJSON(&b, &results); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(kept, func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err }); err != nil {
		t.Fatal(err)
	}
	svg := filepath.Join(t.TempDir(), "bench.svg")
	status, out, errs := call(t, "peers", "--from", kept, "--svg", svg)
	if status != exitClean || !strings.Contains(out, "| caravan-postgres | 0 | 3.00 µs | 1.50 |") || !strings.Contains(out, "after 10 s") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	if drawn, err := os.ReadFile(svg); err != nil || !strings.Contains(string(drawn), "3.00 µs, p99 1.50 ms") || strings.Contains(string(drawn), "idle") {
		t.Errorf("%v\n%s", err, drawn)
	}
}
