package bench

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/fleet"
)

// With nodes in turn, each worker connects to one node after the other, and the same connections are on the same nodes.
func TestNodesInTurnComeOneAfterTheOther(t *testing.T) {
	seats := func(inTurn bool) [][]conn {
		r := &run{cfg: &Config{Connections: 60, Rooms: 15, Workers: 2, NodesInTurn: inTurn, Fleet: fleet.Fleet{Users: 60, Trips: 15}}, share: share{Of: 1}, nodes: make([]node, 3), members: make([]atomic.Int32, 15)}
		return r.seats()
	}
	at := map[uint32]uint8{}
	for _, conns := range seats(false) {
		for i := range conns {
			at[conns[i].id] = conns[i].node
		}
	}
	n := 0
	for _, conns := range seats(true) {
		n += len(conns)
		if !slices.IsSortedFunc(conns, func(a, b conn) int { return int(a.node) - int(b.node) }) {
			t.Error("nodes do not come in turn")
		}
		for i := range conns {
			if c := &conns[i]; int(c.index) != i || at[c.id] != c.node {
				t.Errorf("connection %d is number %d at %d, on node %d and not %d", c.id, c.index, i, c.node, at[c.id])
			}
		}
	}
	if n != len(at) {
		t.Errorf("%d connections of %d", n, len(at))
	}
}
