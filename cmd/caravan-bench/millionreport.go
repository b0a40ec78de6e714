package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/page"
	"github.com/caravan-chat/caravan/bench/proc"
)

// millionReport is what came out.
type millionReport struct {
	Members    int            `json:"members"`
	Rooms      int            `json:"rooms"`
	Nodes      int            `json:"nodes"`
	Agents     int            `json:"agents"`
	Rate       float64        `json:"rate_per_s"`
	Triggers   bool           `json:"rights_triggers"` // the database notes whose rights were written
	InTurn     bool           `json:"nodes_in_turn"`   // members came to one node after the other
	PingS      float64        `json:"ping_interval_s"` // of the nodes
	Version    string         `json:"version"`
	Machine    proc.Facts     `json:"machine"`
	StartS     float64        `json:"start_s"`     // to seed, and until all was ready
	Start      millionSpent   `json:"start"`       // before the first connection
	Joined     millionSpent   `json:"joined"`      // when all were members, or when no more time was given
	Connected  int64          `json:"connected"`   // members by then, where not all came in
	End        millionSpent   `json:"end"`         // after the last goodbye
	MemoryLeft int64          `json:"memory_left"` // of the machine, at the worst moment
	Events     []millionEvent `json:"events"`      // what happened to the servers
	Load       *bench.Report  `json:"load"`        // nil: it could not be made
	Account    *ledger.Report `json:"account"`     // nil: it was not drawn up
	Gave       string         `json:"what_gave"`   // first; empty: nothing did
}

// millionEvent is one thing that happened, and what members noticed.
type millionEvent struct {
	What     string  `json:"what"`
	AtS      float64 `json:"at_s"`     // since the load began
	TookS    float64 `json:"took_s"`   // until it was mended
	Away     int64   `json:"away"`     // members who were away at the worst moment
	BackS    float64 `json:"back_s"`   // until all were back; zero: nobody was away, or not all came back before the next event
	WorstUS  float64 `json:"worst_us"` // the longest delivery of a message that was sent meanwhile
	P99US    float64 `json:"p99_us"`   // the worst p99 of a second meanwhile
	Messages int64   `json:"messages"` // acknowledged meanwhile

	at time.Time
}

// millionEvents is how many things happen.
const millionEvents = 3

// clean reports whether all members came in, everything happened, and nothing was lost.
func (r *millionReport) clean() bool {
	return r.Gave == "" && r.Load != nil && r.Load.OK && r.Account != nil && r.Account.Clean && r.measured() == millionEvents
}

// measured counts the events that happened, and were mended, while the load was measured whole.
func (r *millionReport) measured() (n int) {
	if r.Load.Interrupted {
		return 0
	}
	seconds := r.Load.Measured()
	for i := range r.Events {
		if e := &r.Events[i]; len(seconds) > 0 && e.AtS+e.TookS <= seconds[len(seconds)-1].AtS {
			n++
		}
	}
	return n
}

// explainEvents finds in the series what members noticed of each event, until the next one.
func (r *millionReport) explainEvents() {
	if r.Load == nil {
		return
	}
	for i := range r.Events {
		e := &r.Events[i]
		e.AtS = e.at.Sub(r.Load.Environment.StartedAt).Seconds()
		until := math.Inf(1)
		if i+1 < len(r.Events) {
			until = r.Events[i+1].at.Sub(r.Load.Environment.StartedAt).Seconds()
		}
		for k := range r.Load.Series {
			s := &r.Load.Series[k]
			if s.AtS < e.AtS || s.AtS > until || s.Stage != "measure" {
				continue
			}
			away := int64(r.Members) - s.Connections
			e.Away, e.P99US, e.WorstUS = max(e.Away, away), max(e.P99US, s.Delivery.P99), max(e.WorstUS, s.Delivery.Max)
			e.Messages += s.Acknowledged
			switch {
			case away > 0:
				e.BackS = 0
			case e.Away > 0 && e.BackS == 0:
				e.BackS = s.AtS - e.AtS
			}
		}
	}
}

// WriteText writes the report for people.
func (r *millionReport) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("fleet", "%d members in %d rooms, on %d nodes; %d agents; version %s", r.Members, r.Rooms, r.Nodes, r.Agents, r.Version)
	line("machine", "%d cores, %s, Linux %s, %s; at the worst moment %s of memory were left", r.Machine.Cores, r.Machine.Processor, r.Machine.Kernel,
		bench.ShowBytes(float64(r.Machine.MemoryBytes)), bench.ShowBytes(float64(r.MemoryLeft)))
	if r.Triggers {
		line("rights", "looked at again where the database notes that they were written")
	} else {
		line("rights", "of all members looked at again every 20 s")
	}
	line("nodes", "%s; they ping who is silent for %s", map[bool]string{true: "members come to one after the other", false: "members come to all at once"}[r.InTurn], time.Duration(r.PingS*float64(time.Second)))
	line("start", "%.1f s to seed the fleet and to start all", r.StartS)
	if l := r.Load; l != nil {
		r.writeLoad(line)
		for _, f := range l.Faults {
			line("FAULT", "%s", f)
		}
		if l.Generator.Saturated {
			line("SATURATED", "%s", l.Generator.Why)
		}
	}
	if r.Load == nil && r.Connected > 0 {
		r.writeUnjoined(line)
	}
	if a := r.Account; a != nil {
		line("account", "%d members of whom everything is accounted for: %d messages and %d edits settled, %d attempts cut; clean: %t", accountMembers, a.Sent, a.Edits, a.Cut, a.Clean)
	}
	switch {
	case r.Gave != "":
		line("result", "THE MACHINE DID NOT CARRY IT. What gave first: %s", r.Gave)
	case r.clean():
		line("result", "clean: all members came in, nothing was lost, repeated or reordered")
	case r.Load != nil && r.measured() < millionEvents:
		line("result", "FAILED: %d of %d events happened, and were mended, while the load was measured", r.measured(), millionEvents)
	default:
		line("result", "FAILED")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeUnjoined says how far it came where not all members came in, and what those cost who did.
func (r *millionReport) writeUnjoined(line func(name, format string, args ...any)) {
	line("connected", "%d of %d", r.Connected, r.Members)
	r.writeMember(line, r.Connected, "")
	for _, part := range []struct {
		name     string
		from, to partSpent
	}{{"postgres", r.Start.Postgres, r.Joined.Postgres}, {"redis", r.Start.Redis, r.Joined.Redis}, {"nodes", r.Start.Nodes, r.Joined.Nodes}, {"agents", r.Start.Agents, r.Joined.Agents}} {
		line(part.name, "%.1f s of processor time for these members; %s anonymous", part.to.CPUS-part.from.CPUS, bench.ShowBytes(float64(part.to.AnonBytes)))
	}
}

// writeMember says what one of some members holds in memory.
func (r *millionReport) writeMember(line func(name, format string, args ...any), members int64, kernel string) {
	each := func(from, to int64) string { return bench.ShowBytes(float64(to-from) / float64(members)) }
	line("a member", "%s resident in the nodes (%s anonymous), %s in the agents%s", each(r.Start.Nodes.RSSBytes, r.Joined.Nodes.RSSBytes),
		each(r.Start.Nodes.AnonBytes, r.Joined.Nodes.AnonBytes), each(r.Start.Agents.RSSBytes, r.Joined.Agents.RSSBytes), kernel)
}

func (r *millionReport) writeLoad(line func(name, format string, args ...any)) {
	l := r.Load
	line("connected", "%d in %.1f s, %.0f/s; connect p50 %s p99 %s", l.Connect.Connected, l.Connect.TookS, float64(l.Connect.Connected)/max(l.Connect.TookS, 1e-3),
		bench.ShowDuration(l.Connect.Latency.P50), bench.ShowDuration(l.Connect.Latency.P99))
	r.writeMember(line, int64(r.Members), ", about "+bench.ShowBytes(l.Kernel.BytesPerConnection)+" in the kernel for both ends")
	line("messages", "%d sent, %d acknowledged, %d refused, %d whose connection ended before an answer", l.Messages.Sent, l.Messages.Acknowledged, l.Messages.Refused, l.Messages.Unknown)
	line("deliveries", "%d; %d missing, %d repeated, %d reordered", l.Deliveries.Received, l.Deliveries.Missing, l.Deliveries.Repeated, l.Deliveries.Reordered)
	line("latency", "delivery p50 %s p99 %s max %s; from another node p50 %s p99 %s", bench.ShowDuration(l.Latency.Delivery.P50), bench.ShowDuration(l.Latency.Delivery.P99),
		bench.ShowDuration(l.Latency.Delivery.Max), bench.ShowDuration(l.Latency.OtherNode.P50), bench.ShowDuration(l.Latency.OtherNode.P99))
	for _, e := range r.Events {
		back := "nobody was away"
		switch {
		case e.Away > 0 && e.BackS > 0:
			back = fmt.Sprintf("%d members away, all back after %.0f s", e.Away, e.BackS)
		case e.Away > 0:
			back = fmt.Sprintf("%d members away, not all back before the next event", e.Away)
		}
		line("event", "at %.0f s %s, in %.1f s: %s; worst second p99 %s, longest %s; %d messages acknowledged meanwhile",
			e.AtS, e.What, e.TookS, back, bench.ShowDuration(e.P99US), bench.ShowDuration(e.WorstUS), e.Messages)
	}
	spent := func(name string, start, joined, end partSpent) {
		line(name, "%.1f s of processor time to connect all, %.1f s from then on, by those that lived in the end; %s anonymous", joined.CPUS-start.CPUS, end.CPUS-joined.CPUS,
			bench.ShowBytes(float64(end.AnonBytes)))
	}
	spent("postgres", r.Start.Postgres, r.Joined.Postgres, r.End.Postgres)
	spent("redis", r.Start.Redis, r.Joined.Redis, r.End.Redis)
	spent("nodes", r.Start.Nodes, r.Joined.Nodes, r.End.Nodes)
	spent("agents", r.Start.Agents, r.Joined.Agents, r.End.Agents)
}

// write writes the report wherever it is wanted.
func (m *million) write(r *millionReport) error {
	if err := write(r, m.json, m.out, m.errs); err != nil || r.Load == nil {
		return err
	}
	return writeFile(m.html, func(w io.Writer) error { return page.Write(w, r.Load) })
}
