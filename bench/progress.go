package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The stages of a run, as progress and series name them.
const (
	stageConnect = "connect"
	stageWarmup  = "warm-up"
	stageMeasure = "measure"
	stageDrain   = "drain"
)

// stage names where the run is.
func (r *run) stage() string {
	pl, now := r.plan.Load(), r.now()
	switch {
	case pl == nil:
		return stageConnect
	case now < pl.measureFrom:
		return stageWarmup
	case now < pl.end:
		return stageMeasure
	}
	return stageDrain
}

// progress tells of the second between two moments.
func (o *observer) progress(last, now *moment) {
	switch {
	case o.screen != nil:
		o.screen.draw(o.rows(last, now))
	case o.run.cfg.Progress != nil:
		_, _ = fmt.Fprintln(o.run.cfg.Progress, o.line(last, now)) // progress is for people; a run goes on without
	}
}

func (o *observer) line(before, after *moment) string {
	last, now := &before.seen, &after.seen
	line := fmt.Sprintf("%5.0fs  %-9s %6d connected", after.runTime().Seconds(), after.stage, now.ready-now.ended())
	if now.sent > 0 {
		line += fmt.Sprintf("  %8d sent/s %8d acked/s %9d deliveries/s  %d in flight", now.sent-last.sent, now.acked-last.acked, now.received-last.received, now.outstanding)
		if s := after.times(); s[ofEcho].n > 0 {
			p := s[ofEcho].percentiles()
			line += fmt.Sprintf("  echo p50 %s p99 %s", ShowDuration(p.P50), ShowDuration(p.P99))
		}
	}
	if busy := after.busiest(before); busy >= saturatedShare {
		line += fmt.Sprintf("  GENERATOR %.0f%% busy", 100*busy)
	}
	if now.refused > 0 {
		line += fmt.Sprintf("  %d refused", now.refused)
	}
	if now.faults > 0 || now.dropped > 0 {
		line += fmt.Sprintf("  %d FAULTS  %d dropped", now.faults, now.dropped)
	}
	return line
}

func (m *moment) runTime() time.Duration { return time.Duration(m.run) }

// rows are the lines of the table that a terminal shows.
func (o *observer) rows(before, after *moment) []string {
	last, now, times := &before.seen, &after.seen, after.times()
	wall := after.since(before).Seconds()
	perSecond := func(n int64) string { return fmt.Sprintf("%.0f/s", ratio(float64(n), wall)) }
	rows := []string{
		fmt.Sprintf("%s  %s  %.0f s of about %.0f s", o.run.cfg.Scenario, after.stage, after.runTime().Seconds(), o.run.about().Seconds()),
		fmt.Sprintf("  %-12s %-24s %s", "connections", fmt.Sprintf("%d of %d", now.ready-now.ended(), o.run.cfg.Connections), perSecond(now.ready-last.ready)),
	}
	if o.run.cfg.Senders > 0 {
		rows = append(rows,
			fmt.Sprintf("  %-12s %-24s %d in flight, %d refused", "messages", perSecond(now.sent-last.sent)+" sent, "+perSecond(now.acked-last.acked), now.outstanding, now.refused),
			fmt.Sprintf("  %-12s %s", "deliveries", perSecond(now.received-last.received)),
			latencyRow("own echo", &times[ofEcho]), latencyRow("delivery", &times[ofDelivery]))
	} else {
		rows = append(rows, latencyRow("connect", &times[ofConnect]))
	}
	if len(after.servers) > 0 {
		rows = append(rows, fmt.Sprintf("  %-12s %-24s %.1f MiB", "server", fmt.Sprintf("%.2f cores", ratio(after.serverCPU(before).Seconds(), wall)), float64(after.rss())/(1<<20)))
	}
	busy, steal := after.machineShares(before)
	generator := fmt.Sprintf("  %-12s %-24s machine %.0f%% busy, %.0f%% stolen", "generator", fmt.Sprintf("busiest thread %.0f%%", 100*after.busiest(before)), 100*busy, 100*steal)
	if after.busiest(before) >= saturatedShare {
		generator += "  SATURATED"
	}
	return append(rows, generator, fmt.Sprintf("  %-12s %d, dropped %d", "faults", now.faults, now.dropped))
}

func latencyRow(name string, b *bins) string {
	if b.n == 0 {
		return fmt.Sprintf("  %-12s -", name)
	}
	p := b.percentiles()
	return fmt.Sprintf("  %-12s p50 %-9s p90 %-9s p99 %-9s max %s", name, ShowDuration(p.P50), ShowDuration(p.P90), ShowDuration(p.P99), ShowDuration(p.Max))
}

// about is how long the run takes where nothing goes wrong.
func (r *run) about() time.Duration {
	connecting := time.Duration(float64(r.cfg.Connections) / float64(r.cfg.ConnectRate) * float64(time.Second))
	return connecting + settleTime + startAhead + r.cfg.Warmup + r.cfg.Duration
}

// screen is a table that a terminal shows, drawn anew in its place. A nil screen shows nothing.
type screen struct {
	out   io.Writer
	drawn int // rows that stand there
}

const (
	cursorUp   = "\x1b[%dA"
	clearRight = "\x1b[K"
)

func (s *screen) draw(rows []string) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, cursorUp, s.drawn)
	}
	for len(rows) < s.drawn {
		rows = append(rows, "")
	}
	for _, row := range rows {
		b.WriteString("\r" + row + clearRight + "\n")
	}
	s.drawn = len(rows)
	_, _ = io.WriteString(s.out, b.String()) // progress is for people; a run goes on without
}

// end leaves the table as it is, with an empty row before what follows.
func (s *screen) end() {
	if s != nil && s.drawn > 0 {
		_, _ = io.WriteString(s.out, "\n")
	}
}
