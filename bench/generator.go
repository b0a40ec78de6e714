package bench

import "fmt"

// GeneratorPart says whether the harness itself was the limit while it was measured. Then
// the figures are of the harness, and not of the server.
type GeneratorPart struct {
	Cores       float64 `json:"cores"`
	BusyShare   float64 `json:"busy_share"`   // of its busiest thread: the time in which it did not wait for its sockets or the clock
	BusySeconds int     `json:"busy_seconds"` // measured seconds in which that thread hardly waited
	LagP50US    float64 `json:"lag_p50_us"`   // how late it sent, in the open loop
	LagP99US    float64 `json:"lag_p99_us"`
	Saturated   bool    `json:"saturated"`
	Why         string  `json:"why"` // empty: it was not
}

const (
	saturatedShare  = 0.95  // of a thread's time: it does not wait, so it may be behind
	lagShareLimit   = 0.25  // of the latency that is reported: that much of it is the harness's own
	lagUSMin        = 1_000 // a lag below it is a timer's, not a limit
	saturatedWallNS = 500e6 // shorter measurements say too little about a thread
)

// generator draws up how the harness fared from one moment to another.
func generator(from, to *moment, rep *Report) GeneratorPart {
	g := GeneratorPart{
		Cores:     ratio((to.self + to.away - from.self - from.away).Seconds(), to.since(from).Seconds()),
		BusyShare: to.busiest(from),
		LagP50US:  rep.Latency.SendLag.P50,
		LagP99US:  rep.Latency.SendLag.P99,
	}
	for _, s := range rep.Measured() {
		if s.HarnessBusy >= saturatedShare {
			g.BusySeconds++
		}
	}
	echo := rep.Latency.OwnEcho.P50
	switch {
	case float64(to.since(from)) < saturatedWallNS:
	case g.BusyShare >= saturatedShare:
		g.Why = fmt.Sprintf("its busiest thread was busy %.0f%% of the time", 100*g.BusyShare)
	case rep.Parameters.Arrivals == "open" && g.LagP50US > lagUSMin && g.LagP50US > lagShareLimit*echo:
		g.Why = fmt.Sprintf("it sent every second message %s late or later, of a latency of %s", ShowDuration(g.LagP50US), ShowDuration(echo))
	}
	if late := rep.latest(); g.Why == "" && late != nil && late.LatestMS > float64(lateAnswer.Milliseconds()) {
		g.Why = fmt.Sprintf("agent %s lagged: it answered %s late", late.Address, ShowDuration(1e3*late.LatestMS))
	}
	g.Saturated = g.Why != ""
	return g
}

// saturatedAdvice is what to do about it.
const saturatedAdvice = "the figures are of the harness, not of the server: give it --workers or a machine of its own, or ask for less"

func (rep *Report) writeGenerator(line liner) {
	g := &rep.Generator
	line("generator", "%.2f cores; its busiest thread busy %.0f%% of the time, %d of %d seconds nearly all of it",
		g.Cores, 100*g.BusyShare, g.BusySeconds, len(rep.Measured()))
	if g.Saturated {
		line("SATURATED", "generator saturated: %s; %s", g.Why, saturatedAdvice)
	}
}
