package page

import (
	"fmt"

	"github.com/caravan-chat/caravan/bench"
)

// figures are the rows of the table of figures.
func figures(rep *bench.Report) []row {
	d, m, k := &rep.Deliveries, &rep.Messages, &rep.Kernel
	rows := []row{{"Connections", fmt.Sprintf("%d in %.2f s; %d ended by the server", rep.Connect.Connected, rep.Connect.TookS, rep.Connect.Dropped)}}
	if m.Sent > 0 {
		rows = append(rows,
			row{"Messages", fmt.Sprintf("%.0f/s (by second: %d to %d, median %d)", m.PerSecond, m.Spread.Min, m.Spread.Max, m.Spread.Median)},
			row{"", fmt.Sprintf("%d sent, %d acknowledged, %d refused, %d unanswered, %d given up", m.Sent, m.Acknowledged, m.Refused, m.Unanswered, m.Unsent)},
			row{"Deliveries", fmt.Sprintf("%.0f/s (by second: %d to %d, median %d)", d.PerSecond, d.Spread.Min, d.Spread.Max, d.Spread.Median)},
			row{"", fmt.Sprintf("%d expected, %d received, %d missing, %d repeated, %d reordered", d.Expected, d.Received, d.Missing, d.Repeated, d.Reordered)})
	}
	if r := rep.Returns; r != nil {
		rows = append(rows, row{"Came back", fmt.Sprintf("%d of %d cut, in %.2f s, %.0f/s; %d failures", r.Back, r.Cut, r.TookS, r.PerSecond, r.Failures)})
	}
	if s := rep.SlowMembers; s != nil {
		rows = append(rows, row{"Slow members", fmt.Sprintf("%d read %d bytes/s; the server ended %d of them", s.Members, s.BytesPerS, s.Ended)})
	}
	if s := rep.Server; s != nil {
		rows = append(rows,
			row{"Server CPU", fmt.Sprintf("%.2f cores, %.0f%% of it in the kernel", s.CPUCores, 100*s.SystemShare)},
			row{"", fmt.Sprintf("%.2f µs a delivery, %.1f µs a message, %.1f µs a connect", s.CPUPerDeliveryUS, s.CPUPerMessageUS, s.CPUPerConnectUS)},
			row{"Server memory", fmt.Sprintf("%s; a connection %s once connected, %s at the end", bench.ShowBytes(float64(s.RSSBytes)), bench.ShowBytes(s.RSSPerConnection), bench.ShowBytes(s.HeldRSSPer))})
		rows = append(rows, row{"", rep.Memory.Show()})
		if s.WritesPerDelivery > 0 {
			rows = append(rows, row{"Writes", fmt.Sprintf("%.3f a delivery", s.WritesPerDelivery)})
		}
	}
	if k.BytesPerConnection > 0 {
		ends := "one end"
		if k.BothEnds {
			ends = "both ends"
		}
		rows = append(rows, row{"Kernel memory", fmt.Sprintf("about %s a connection, %s; %s of data waited", bench.ShowBytes(k.BytesPerConnection), ends, bench.ShowBytes(float64(k.BufferBytes)))})
	}
	if c := rep.Commits; c != nil {
		rows = append(rows, row{"Commits", fmt.Sprintf("%.0f/s, %.1f messages each, mean %s", c.PerSecond, c.Messages.Mean, bench.ShowDuration(c.TookUS.Mean))})
	}
	for _, a := range rep.Agents {
		lost := ""
		if a.Lost != "" {
			lost = "; lost: " + a.Lost
		}
		rows = append(rows, row{"Agent " + a.Address, fmt.Sprintf("%d connections, %.2f cores, busiest thread %.0f%%, its machine %.0f%% busy, answered within %.0f ms%s", a.Connections, a.Cores, 100*a.BusyShare, 100*a.MachineBusy, a.LatestMS, lost)})
	}
	g := &rep.Generator
	return append(rows,
		row{"Generator", fmt.Sprintf("%.2f cores; its busiest thread busy %.0f%% of the time", g.Cores, 100*g.BusyShare)},
		row{"Machine", fmt.Sprintf("%.0f%% busy, %.0f%% stolen; others %.2f cores", 100*rep.Load.MachineBusy, 100*rep.Load.MachineSteal, rep.Load.OtherCores)})
}

// settings are the rows that say what was run, and where.
func settings(rep *bench.Report) []row {
	p, m := &rep.Parameters, &rep.Machine
	load := "nobody sends"
	switch p.Arrivals {
	case "open":
		load = fmt.Sprintf("%d senders, open loop, %g messages/s in all", p.Senders, p.Rate)
	case "closed":
		load = fmt.Sprintf("%d senders, closed loop, %d in flight each", p.Senders, p.InFlight)
	}
	return []row{
		{"Scenario", fmt.Sprintf("%s: %d connections in %d rooms; %d bytes of content", rep.Scenario, p.Connections, p.Rooms, p.PayloadBytes)},
		{"Load", load},
		{"Time", fmt.Sprintf("%.1f s measured after %g s", rep.MeasuredS, p.WarmupS)},
		{"Store", rep.Durability},
		{"Machine", fmt.Sprintf("%d cores, %s, %s", m.Cores, m.Processor, bench.ShowBytes(float64(m.MemoryBytes)))},
		{"Kernel", "Linux " + m.Kernel},
		{"Harness", fmt.Sprintf("%s, %s, %d threads, %d open files", rep.Harness, m.Go, p.Workers, rep.Environment.HarnessFiles)},
	}
}
