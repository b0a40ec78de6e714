package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench"
)

// Each series keeps the work of a second as it is while its number grows, within 20,000 files a process.
func TestTheWorkOfASeriesIsTheSame(t *testing.T) {
	for _, s := range flatSeries {
		if s.all[0].load.Connections > s.all[len(s.all)-1].load.Connections || len(s.all) < 4 {
			t.Errorf("%s: %d shapes, of which the first one is the largest", s.name, len(s.all))
		}
		for _, one := range s.all {
			first, load := s.all[0].load, one.load
			deliveries := func(c bench.Config) float64 { return c.Rate * float64(c.Connections/c.Rooms) }
			if deliveries(load) != deliveries(first) || load.Connections%load.Rooms != 0 || load.Connections > 19_000 {
				t.Errorf("%s, %s: %d connections in %d rooms, %g messages/s", s.name, one.grown, load.Connections, load.Rooms, load.Rate)
			}
			if s.name != "members" && load.Rate != first.Rate {
				t.Errorf("%s, %s: %g messages/s, and not %g", s.name, one.grown, load.Rate, first.Rate)
			}
		}
	}
}

func TestTheTableOfASeries(t *testing.T) {
	found := newFlatResults([]string{"members", "rooms"}, []string{floorServer, sqliteServer}, 20)
	if len(found.Series) != 1 || len(found.Series[0].Shapes) != 2 {
		t.Fatalf("%+v", found.Series)
	}
	for i, cost := range []float64{10, 20} {
		for n, server := range found.Series[0].Shapes[i].Servers {
			for _, noise := range []float64{-1, 1} {
				found.Series[0].Shapes[i].Servers[n].add(&bench.Report{Server: &bench.ServerPart{CPUPerDeliveryUS: cost*float64(n+1) + noise, WritesPerDelivery: float64(n), SystemShare: 0.75}})
			}
			if server.Server != []string{floorServer, sqliteServer}[n] {
				t.Errorf("%d: %s", n, server.Server)
			}
		}
	}
	var table, drawn bytes.Buffer
	if err := found.writeText(&table); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"| rooms | messages/s | floor CPU | of its median | in the kernel | caravan-sqlite CPU | of its median | in the kernel | writes a delivery | in times of floor |\n" +
			"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
		"| 1 | 1000 | 10.00 µs | 0.67 | 75% | 20.00 µs | 0.67 | 75% | 1.00 | 2.00 |\n",
		"| 10 | 1000 | 20.00 µs | 1.33 | 75% | 40.00 µs | 1.33 | 75% | 1.00 | 2.00 |\n",
	} {
		if !strings.Contains(table.String(), row) {
			t.Errorf("%q is not in\n%s", row, &table)
		}
	}
	if err := found.writePage(&drawn); err != nil || !strings.Contains(drawn.String(), "<tr><th>10</th><td>1000</td><td>20.00 µs</td><td>1.33</td>") || !strings.Contains(drawn.String(), `<a href="caravan-sqlite/index.html">`) {
		t.Errorf("%v\n%s", err, &drawn)
	}
}

// Small shapes are measured by the program itself, on servers that it starts.
func TestFlatMeasures(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "results")
	status, stdout, errs := callIn(t, t.TempDir(), "flat", "--caravan", buildCaravan(t), "--servers", "floor,caravan-sqlite", "--series", "rooms,members",
		"--connections-max", "20", "--rounds", "2", "--duration", "1s", "--warmup", "0s", "--server-core", "0", "--out", out)
	if status == exitSaturated { // a busy machine, and the files are there all the same
		t.Log(errs)
	} else if status != exitClean {
		t.Fatalf("status %d\n%s%s", status, stdout, errs)
	}
	b, err := os.ReadFile(filepath.Join(out, "flat.json"))
	if err != nil {
		t.Fatal(err)
	}
	var found flatResults
	if err := json.Unmarshal(b, &found); err != nil || len(found.Series) != 1 || len(found.Series[0].Shapes) != 2 {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, at := range found.Series[0].Shapes {
		for _, f := range at.Servers {
			if len(f.CPUPerDeliveryUS) != 2 || len(f.WritesPerDelivery) != 2 {
				t.Errorf("%s, %s: %+v", at.Grown, f.Server, f)
			}
		}
	}
	for _, name := range []string{"flat.md", "index.html", "floor/index.html", "floor/rooms-1-1.html", "caravan-sqlite/index.html"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var rep bench.Report // of the whole run: on a crowded machine there may be none in the part that is measured
	if b, err = os.ReadFile(filepath.Join(out, "caravan-sqlite", "rooms-10-2.json")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &rep); err != nil || rep.Deliveries.Received == 0 || rep.Parameters.Connections != 20 {
		t.Errorf("%v\n%s", err, b)
	}
	if !strings.Contains(stdout, "| rooms | messages/s | floor CPU |") || !strings.Contains(errs, "round 2, rooms-10, floor:") {
		t.Errorf("%s%s", stdout, errs)
	}
}
