package bench

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/fleet"
)

// With nodes in turn, each worker connects to one node after the other. All nodes have as many members as otherwise, those of
// a room are on different ones, and who is next to somebody is on the same ones.
func TestNodesInTurnComeOneAfterTheOther(t *testing.T) {
	const nodes, rooms, members = 7, 70, 4
	for _, of := range []int{1, 5} {
		on, roomsOn, n := [nodes]int{}, map[int]map[uint8]bool{}, 0
		for index := range of {
			cfg := &Config{Connections: rooms * members, Rooms: rooms, Workers: 2, NodesInTurn: true, Fleet: fleet.Fleet{Users: rooms * members, Trips: rooms}}
			r := &run{cfg: cfg, share: cfg.shareOf(index, of), nodes: make([]node, nodes), members: make([]atomic.Int32, rooms)}
			used := map[uint8]bool{}
			for _, conns := range r.seats() {
				if !slices.IsSortedFunc(conns, func(a, b conn) int { return int(a.node) - int(b.node) }) {
					t.Error("nodes do not come in turn")
				}
				for i := range conns {
					c := &conns[i]
					if int(c.index) != i {
						t.Errorf("connection %d is number %d at %d", c.id, c.index, i)
					}
					if roomsOn[c.room] == nil {
						roomsOn[c.room] = map[uint8]bool{}
					}
					on[c.node]++
					roomsOn[c.room][c.node], used[c.node] = true, true
					n++
				}
			}
			if of > 1 && len(used) > 2*members+members {
				t.Errorf("generator %d of %d connects to %d nodes", index, of, len(used))
			}
		}
		if n != rooms*members {
			t.Errorf("%d connections of %d", n, rooms*members)
		}
		for i, n := range on {
			if n != rooms*members/nodes {
				t.Errorf("%d members on node %d", n, i)
			}
		}
		for room, its := range roomsOn {
			if len(its) != members {
				t.Errorf("the members of room %d are on %d nodes", room, len(its))
			}
		}
	}
}
