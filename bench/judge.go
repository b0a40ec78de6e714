package bench

import "fmt"

const (
	stealShareMax = 0.05 // of the machine's time
	lagShareMax   = 0.1  // of the latency that is reported
)

// judge writes down what must never happen, and what makes the figures doubtful.
func (rep *Report) judge() {
	rep.findFaults()
	rep.findDoubts()
	rep.OK = len(rep.Faults) == 0
}

func (rep *Report) findFaults() {
	fault := func(n int64, text string) {
		if n > 0 {
			rep.Faults = append(rep.Faults, fmt.Sprintf("%d %s", n, text))
		}
	}
	rep.Faults = rep.lostAgents()
	lost := len(rep.Faults) > 0 // then what was to come and what came is not known
	d, m := &rep.Deliveries, &rep.Messages
	fault(d.Missing, "events were not seen by members who should have seen them")
	fault(d.Repeated, "events came again to a member who had seen them")
	fault(d.Reordered, "events came after a later one")
	fault(d.Duplicates, "messages were answered as duplicates, and no client_id was used twice")
	fault(m.Unanswered, "messages were neither acknowledged nor refused")
	fault(rep.Connect.Dropped, "connections were ended by the server")
	if r := rep.Returns; r != nil {
		if (rep.Scenario == Storm || rep.Parameters.Returns) && !rep.Interrupted {
			fault(r.Cut-r.Back, "connections did not come back")
		}
	} else if !lost && rep.Connect.Dropped == 0 && d.Missing+d.Repeated+d.Reordered == 0 && d.Expected != d.Received {
		rep.Faults = append(rep.Faults, fmt.Sprintf("%d deliveries were expected and %d came", d.Expected, d.Received))
	}
	if !lost && rep.Parameters.Senders > 0 && m.Acknowledged == 0 && !rep.Interrupted {
		rep.Faults = append(rep.Faults, "no message was acknowledged at all")
	}
}

func (rep *Report) findDoubts() {
	doubt := func(format string, args ...any) {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf(format, args...))
	}
	p := &rep.Parameters
	if lag := rep.Latency.SendLag.P99; p.Arrivals == "open" && lag > lagShareMax*rep.Latency.OwnEcho.P50 {
		doubt("the harness sent late by %s at the 99th percentile: part of the latencies is its own", ShowDuration(lag))
	}
	if rep.Server != nil && rep.Server.RSSPerConnection <= 0 {
		doubt("the server's memory did not grow: it had room from before, so restart it to learn what a connection needs")
	}
	if rep.Load.MachineSteal > stealShareMax {
		doubt("%.0f%% of the machine's time went to other machines on the same host", 100*rep.Load.MachineSteal)
	}
	if n := rep.Messages.Unsent; n > 0 {
		doubt("%d messages of the schedule were given up because the server did not take them: latencies look better than they are", n)
	}
	if n := rep.Deliveries.Foreign; n > 0 {
		doubt("%d events in the rooms were not from this run", n)
	}
	if n := rep.Errors["rate_limited"]; n > 0 {
		doubt("%d messages were over the server's limit for one connection: start it with --rate 0", n)
	}
	if rep.Interrupted {
		doubt("interrupted: these are the figures up to then")
	}
}
