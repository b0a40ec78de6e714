package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteText writes the report for people.
func (rep *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	rep.writeSetting(line)
	rep.writeCounts(line)
	rep.writeReturns(line)
	rep.writeCommits(line)
	rep.writeLatencies(line)
	rep.writeCosts(line)
	rep.writeEnvironment(line)
	rep.writeAgents(line)
	rep.writeGenerator(line)
	rep.writeSearch(line)
	rep.writeAssertions(line)
	for _, text := range rep.Warnings {
		line("note", "%s", text)
	}
	for _, text := range rep.Faults {
		line("FAULT", "%s", text)
	}
	if rep.OK {
		line("result", "clean: nothing lost, repeated or reordered")
	} else {
		line("result", "FAILED")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// where returns a text where it holds.
func where(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// writeEnvironment names what the servers were started with, and what else was busy.
func (rep *Report) writeEnvironment(line liner) {
	e := &rep.Environment
	for _, s := range e.Servers {
		if s.Command != nil {
			line("started as", "%s (process %d, %d open files%s)", strings.Join(s.Command, " "), s.PID, s.Files, prefixed(", ", s.Go))
		}
	}
	if len(e.Others) > 0 {
		parts := make([]string, len(e.Others))
		for i, p := range e.Others {
			parts[i] = fmt.Sprintf("%s %.2f", p.Name, p.Cores)
		}
		line("beside", "cores of other processes since the last connect: %s", strings.Join(parts, ", "))
	}
}

type liner func(name, format string, args ...any)

func (rep *Report) writeSetting(line liner) {
	p := &rep.Parameters
	load := "nobody sends"
	switch p.Arrivals {
	case "open":
		load = fmt.Sprintf("%d senders, open loop, %g messages/s in all", p.Senders, p.Rate)
	case "closed":
		load = fmt.Sprintf("%d senders, closed loop, %d in flight each", p.Senders, p.InFlight)
	}
	line("scenario", "%s: %d connections in %d rooms; %s; %d bytes of content; %.1f s measured after %g s",
		rep.Scenario, p.Connections, p.Rooms, load, p.PayloadBytes, rep.MeasuredS, p.WarmupS)
	line("server", "%s%s; durability: %s", p.URL, prefixed(", version ", rep.ServerIs), rep.Durability)
	m := &rep.Machine
	line("machine", "%d cores, %s, Linux %s, %.1f GiB; harness %s, %s, %d workers",
		m.Cores, m.Processor, m.Kernel, float64(m.MemoryBytes)/(1<<30), rep.Harness, m.Go, p.Workers)
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func (rep *Report) writeCounts(line liner) {
	m, d := &rep.Messages, &rep.Deliveries
	line("connected", "%d in %.2f s; ended by the server: %d%s", rep.Connect.Connected, rep.Connect.TookS, rep.Connect.Dropped, byCode(rep.Closes))
	if rep.Parameters.Senders == 0 {
		return
	}
	line("messages", "%.0f/s acknowledged (by second: %d to %d, median %d)", m.PerSecond, m.Spread.Min, m.Spread.Max, m.Spread.Median)
	line("", "%d sent, %d acknowledged, %d refused%s, %d unanswered, %d given up", m.Sent, m.Acknowledged, m.Refused, byCode(rep.Errors), m.Unanswered, m.Unsent)
	line("deliveries", "%.0f/s (by second: %d to %d, median %d), %.1f in a read", d.PerSecond, d.Spread.Min, d.Spread.Max, d.Spread.Median, d.PerRead)
	line("", "%d expected, %d received, %d missing, %d repeated, %d reordered", d.Expected, d.Received, d.Missing, d.Repeated, d.Reordered)
}

func byCode[K int | string](counts map[K]int64) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%v: %d", code, counts[code]))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (rep *Report) writeLatencies(line liner) {
	show := func(name string, l *Latency) {
		if l.Count > 0 {
			line(name, "p50 %s  p90 %s  p99 %s  p99.9 %s  max %s  (%d)", ShowDuration(l.P50), ShowDuration(l.P90), ShowDuration(l.P99), ShowDuration(l.P999), ShowDuration(l.Max), l.Count)
		}
	}
	show("connect", &rep.Connect.Latency)
	show("own echo", &rep.Latency.OwnEcho)
	show("delivery", &rep.Latency.Delivery)
	show("other node", &rep.Latency.OtherNode)
	show("action", &rep.Latency.Action)
	if rep.Parameters.Arrivals == "open" {
		show("send lag", &rep.Latency.SendLag)
	}
}

// ShowBytes shows bytes in the unit that reads best.
func ShowBytes(n float64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%.0f B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", n/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", n/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", n/(1<<30))
}

// ShowDuration shows microseconds in the unit that reads best.
func ShowDuration(us float64) string {
	switch {
	case us < 1e3:
		return fmt.Sprintf("%.0f µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.2f ms", us/1e3)
	}
	return fmt.Sprintf("%.2f s", us/1e6)
}

func (rep *Report) writeCosts(line liner) {
	if s := rep.Server; s != nil {
		line("server CPU", "%.2f cores, %.0f%% of it in the kernel", s.CPUCores, 100*s.SystemShare)
		line("", "%.1f µs per connect", s.CPUPerConnectUS)
		if rep.Messages.Acknowledged > 0 {
			line("", "%.2f µs per delivery, %.1f µs per message", s.CPUPerDeliveryUS, s.CPUPerMessageUS)
		}
		if s.WritesPerDelivery > 0 {
			line("", "%.3f writes per delivery", s.WritesPerDelivery)
		}
		line("server RAM", "%.2f KiB per connection once connected (%.2f of it anonymous), %.2f (%.2f) at the end; %.1f MiB in all",
			s.RSSPerConnection/1024, s.AnonPerConnection/1024, s.HeldRSSPer/1024, s.HeldAnonPer/1024, float64(s.RSSBytes)/(1<<20))
		line("", "%s", rep.Memory.Show())
	}
	if k := &rep.Kernel; k.BytesPerConnection > 0 {
		line("kernel RAM", "about %.2f KiB per connection%s%s", k.BytesPerConnection/1024, where(k.BothEnds, ", both ends"), where(!k.SocketsAlone, ", with what others did meanwhile"))
	}
	l := &rep.Load
	others := "others, the database and the server included,"
	if rep.Server != nil {
		others = "others, such as a database,"
	}
	line("load", "harness %.2f cores, %s %.2f; machine %.0f%% busy, %.0f%% stolen", l.HarnessCores, others, l.OtherCores, 100*l.MachineBusy, 100*l.MachineSteal)
}
