package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/page"
	"github.com/caravan-chat/caravan/bench/proc"
)

// peerResults are what `caravan-bench peers` measured, as it keeps them.
type peerResults struct {
	Command   []string          `json:"command"`
	Version   string            `json:"version"`
	Machine   proc.Facts        `json:"machine"`
	Workloads []peerMeasurement `json:"workloads"`
}

// peerMeasurement is one workload on all servers, the first of which the others are compared with.
type peerMeasurement struct {
	Name    string       `json:"name"`
	About   string       `json:"about"`
	Idle    bool         `json:"idle"` // nobody sends: it is about connects and memory
	Servers []peerFigure `json:"servers"`
}

// peerFigure is one server under one workload.
type peerFigure struct {
	Server           string  `json:"server"`
	DeliveriesPerS   float64 `json:"deliveries_per_s"`
	CPUPerDeliveryUS float64 `json:"cpu_per_delivery_us"`
	CPUPerConnectUS  float64 `json:"cpu_per_connect_us"`
	Cores            float64 `json:"server_cores"`
	EchoP50US        float64 `json:"own_echo_p50_us"`
	EchoP99US        float64 `json:"own_echo_p99_us"`
	RSSPer           float64 `json:"rss_per_connection_bytes"`      // half a second after the last connect
	HeldRSSPer       float64 `json:"held_rss_per_connection_bytes"` // when it was measured
	HeldS            float64 `json:"held_s"`                        // how long after the last connect that was
	OthersCores      float64 `json:"other_cores"`
	OK               bool    `json:"ok"`
}

func (r *peerResults) add(w *workload, server string, rep *bench.Report) {
	r.Machine, r.Version = rep.Machine, rep.Harness
	n := len(r.Workloads)
	if n == 0 || r.Workloads[n-1].Name != w.name {
		r.Workloads = append(r.Workloads, peerMeasurement{Name: w.name, About: w.about, Idle: w.load.Scenario == bench.Idle})
		n++
	}
	s := rep.Server
	r.Workloads[n-1].Servers = append(r.Workloads[n-1].Servers, peerFigure{
		Server: server, DeliveriesPerS: rep.Deliveries.PerSecond, CPUPerDeliveryUS: s.CPUPerDeliveryUS, CPUPerConnectUS: s.CPUPerConnectUS,
		Cores: s.CPUCores, EchoP50US: rep.Latency.OwnEcho.P50, EchoP99US: rep.Latency.OwnEcho.P99,
		RSSPer: s.RSSPerConnection, HeldRSSPer: s.HeldRSSPer, HeldS: rep.Memory.HeldS, OthersCores: rep.Load.OtherCores, OK: rep.OK,
	})
}

// read takes results from a file.
func (r *peerResults) read(path string) error {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	return nil
}

// writeTable writes Markdown: a table for each workload.
func (r *peerResults) writeTable(w io.Writer) error {
	var b strings.Builder
	for i := range r.Workloads {
		m := &r.Workloads[i]
		fmt.Fprintf(&b, "\n%s (%s)\n\n", m.About, r.Machine.Processor)
		if m.Idle {
			fmt.Fprintf(&b, "| server | CPU a connect | in times of the first | RSS a connection, at once | after %.0f s |\n| --- | --- | --- | --- | --- |\n", m.Servers[0].HeldS)
		} else {
			b.WriteString("| server | deliveries/s | CPU a delivery | in times of the first | server's core | own echo p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
		}
		for k := range m.Servers {
			m.Servers[k].row(&b, m)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *peerFigure) row(b *strings.Builder, m *peerMeasurement) {
	first := &m.Servers[0]
	if m.Idle {
		fmt.Fprintf(b, "| %s | %.1f µs | %.2f | %.0f B | %.0f B |\n", f.Server, f.CPUPerConnectUS, f.CPUPerConnectUS/first.CPUPerConnectUS, f.RSSPer, f.HeldRSSPer)
		return
	}
	fmt.Fprintf(b, "| %s | %.0f | %.2f µs | %.2f | %.0f%% | %.2f ms | %.2f ms |\n", f.Server, f.DeliveriesPerS, f.CPUPerDeliveryUS,
		f.CPUPerDeliveryUS/first.CPUPerDeliveryUS, 100*f.Cores, f.EchoP50US/1e3, f.EchoP99US/1e3)
}

// writePlot draws what a delivery, or a connect, costs each server.
func (r *peerResults) writePlot(w io.Writer) error {
	chart := page.Bars{Title: "Processor time of the server for each delivery", Note: "less is better; " + r.Machine.Processor + ", a core for the server"}
	for i := range r.Workloads {
		m := &r.Workloads[i]
		if m.Idle {
			continue
		}
		g := page.BarGroup{Name: m.About}
		for k := range m.Servers {
			f := &m.Servers[k]
			g.Bars = append(g.Bars, page.Bar{
				Name: f.Server, Own: strings.HasPrefix(f.Server, "caravan"), Value: f.CPUPerDeliveryUS,
				Text: fmt.Sprintf("%.2f µs, p99 %s", f.CPUPerDeliveryUS, bench.ShowDuration(f.EchoP99US)),
			})
		}
		chart.Groups = append(chart.Groups, g)
	}
	return page.WriteBars(w, &chart)
}
