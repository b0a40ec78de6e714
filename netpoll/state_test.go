package netpoll

import "testing"

// The two tables as a picture: a row says what may follow.
func TestMovesOfAConnection(t *testing.T) {
	for from, row := range []string{
		//              HOPELCG
		stateHandshake: ".x.x..x",
		stateOpen:      "..xx.xx",
		stateParting:   "...x.xx",
		stateEnding:    "....xxx",
		stateLingering: ".....xx",
		stateClosing:   "......x",
		stateGone:      ".......",
	} {
		for to, allowed := range row {
			if got := connState(from).mayBecome(connState(to)); got != (allowed == 'x') {
				t.Errorf("from %d to %d: %v", from, to, got)
			}
		}
	}
	for from, row := range []string{
		//           IDHS
		flowIdle:    ".x.x",
		flowDirty:   "x.xx",
		flowCorked:  "xx.x",
		flowStalled: "x...",
	} {
		for to, allowed := range row {
			if got := flowState(from).mayBecome(flowState(to)); got != (allowed == 'x') {
				t.Errorf("output from %d to %d: %v", from, to, got)
			}
		}
	}
}

// A connection that is closed cannot come back to life: whoever tries has a bug.
func TestAMoveThatIsNotInTheTablePanics(t *testing.T) {
	l, _ := loopOfNulls(t, 1)
	c := l.conns[0]
	l.move(c, stateGone)
	if l.counts.open != -1 || len(l.conns) != 0 || c.fd != -1 {
		t.Errorf("%d open, %d sockets, descriptor %d", l.counts.open, len(l.conns), c.fd)
	}
	for what, move := range map[string]func(){
		"state":  func() { l.move(c, stateOpen) },
		"output": func() { l.moveFlow(c, flowCorked) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			move()
		}()
	}
}
