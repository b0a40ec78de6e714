package netpoll

// connState is where a socket stands.
type connState uint8

const (
	stateHandshake connState = iota // the request is gathered
	stateOpen                       // Handler.Open was called
	stateParting                    // the closing frame is queued; what the client sends until it answers is still the Handler's
	stateEnding                     // the last bytes are queued; input is dropped
	stateLingering                  // our side is shut; waiting for the client's FIN; input is dropped
	stateClosing                    // in loop.toClose: closed at the end of the turn
	stateGone                       // closed, or handed over
)

// flowState is where a connection's output stands.
type flowState uint8

const (
	flowIdle    flowState = iota // nothing waits
	flowDirty                    // in loop.dirty: written at the end of the turn
	flowCorked                   // in loop.corked: the handshake's answer waits for company
	flowStalled                  // in loop.stalled: the kernel's buffer is full
)

// states is a set of states, one bit each.
type states uint8

func setOf[S connState | flowState](members ...S) (set states) {
	for _, s := range members {
		set |= 1 << s
	}
	return set
}

func (s states) has(one connState) bool { return s&(1<<one) != 0 }

// connMoves are the states that may follow each state. A socket only moves down the
// list, and any but a handed-over one can be found dead at any time.
var connMoves = [...]states{
	stateHandshake: setOf(stateOpen, stateEnding, stateGone),
	stateOpen:      setOf(stateParting, stateEnding, stateClosing, stateGone),
	stateParting:   setOf(stateEnding, stateClosing, stateGone),
	stateEnding:    setOf(stateLingering, stateClosing, stateGone),
	stateLingering: setOf(stateClosing, stateGone),
	stateClosing:   setOf(stateGone),
	stateGone:      0,
}

// flowMoves are the same for the output. A write can come before the end of the
// turn and find the kernel's buffer full, so that also what is dirty or corked stalls.
var flowMoves = [...]states{
	flowIdle:    setOf(flowDirty, flowStalled),
	flowDirty:   setOf(flowIdle, flowCorked, flowStalled),
	flowCorked:  setOf(flowIdle, flowDirty, flowStalled),
	flowStalled: setOf(flowIdle),
}

// listens tells whether what a client sends in the state is the Handler's.
func (s connState) listens() bool { return s == stateOpen || s == stateParting }

func (s connState) mayBecome(to connState) bool { return connMoves[s]&(1<<to) != 0 }

func (from flowState) mayBecome(to flowState) bool { return flowMoves[from]&(1<<to) != 0 }
