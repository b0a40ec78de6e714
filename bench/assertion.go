package bench

// Heard are the latencies that matter most in a run, and what they are of: deliveries to
// others, or own echoes where nobody else is in a room, or connecting where nobody sends.
func (rep *Report) Heard() (of string, l *Latency) {
	switch {
	case rep.Scenario == History && rep.Returns != nil:
		return "connect", &rep.Returns.Latency
	case rep.Latency.Delivery.Count > 0:
		return "delivery", &rep.Latency.Delivery
	case rep.Latency.OwnEcho.Count > 0:
		return "own echo", &rep.Latency.OwnEcho
	}
	return "connect", &rep.Connect.Latency
}

// Assertion is a condition that somebody set for a figure, and what became of it.
type Assertion struct {
	Text  string  `json:"text"`
	Value float64 `json:"value"` // in the report's unit
	Is    string  `json:"is"`    // the same for people
	Holds bool    `json:"holds"`
}

// Asserted reports whether every condition holds.
func (rep *Report) Asserted() bool {
	for _, a := range rep.Assertions {
		if !a.Holds {
			return false
		}
	}
	return true
}

func (rep *Report) writeAssertions(line liner) {
	for _, a := range rep.Assertions {
		if a.Holds {
			line("holds", "%s: it is %s", a.Text, a.Is)
		} else {
			line("NOT HELD", "%s: it is %s", a.Text, a.Is)
		}
	}
}
