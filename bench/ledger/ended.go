package ledger

import (
	"fmt"
	"time"
)

// whyEnded says what a connection's end means for which no fault of the run is the
// reason, and where to look.
func whyEnded(r *Record) string {
	switch r.Code {
	case "4008":
		return fmt.Sprintf("as a slow consumer: more than --send-buffer waited for it, or it took nothing for --idle-timeout, or the server's memory was short. "+
			"The client was busy and did not read for up to %v. Look at the load of the machine that runs the clients, at the network between, "+
			"and on the server at caravan_drops_total{reason=\"slow\"}, caravan_stalled_connections and caravan_memory_sheds_total",
			time.Duration(r.Late)*time.Millisecond)
	case "4001":
		return "as its token was not accepted any more: look at the clock of this machine and at the server's keys"
	case "4003":
		return "as its user may not be in the room any more: look at who changed collaborators during the run"
	case "1011":
		return "for a fault of the server's own: look at its log and at caravan_panics_total"
	case "1013":
		return "as the server turned it away: look at caravan_connects_refused_total"
	}
	return "for which there is no reason"
}
