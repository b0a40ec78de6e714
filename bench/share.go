package bench

import (
	"cmp"
	"fmt"
	"slices"
)

// share says which of a run's connections are one generator's.
type share struct {
	Index int  `json:"index"`
	Of    int  `json:"of"` // generators
	split bool // the members of each room are divided among the generators
}

const (
	generatorsMax = 256
	roomsEach     = 8 // rooms that each generator has at least where no room is divided: so shares differ by an eighth at most
	membersEach   = 2 // of a divided room, for each generator: so each has somebody to deliver to
)

// shareOf returns a generator's share. A room is one generator's as a whole, whose clock then measures
// all its latencies; where rooms are few and large, they are divided.
func (c *Config) shareOf(index, of int) share {
	return share{Index: index, Of: of, split: of > 1 && c.Rooms < roomsEach*of && c.Connections/c.Rooms >= membersEach*of}
}

// owner is the generator that has a connection.
func (s share) owner(c *Config, id int) int {
	if s.split {
		return (id%c.Rooms + id/c.Rooms) % s.Of
	}
	if c.NodesInTurn { // neighbours, as they are on the same nodes
		return id % c.Rooms * s.Of / c.Rooms
	}
	return id % c.Rooms % s.Of
}

// isMine reports whether the connection that sent a message to one of this generator's is its own,
// too: clocks of others say nothing here.
func (s share) isMine(c *Config, sender uint32) bool {
	return !s.split || s.owner(c, int(sender)) == s.Index
}

// seats counts the connections of a generator.
func (s share) seats(c *Config) (n int) {
	if s.Of == 1 {
		return c.Connections
	}
	for id := range c.Connections {
		if s.owner(c, id) == s.Index {
			n++
		}
	}
	return n
}

// check refuses shares in which nobody is.
func (s share) check(c *Config) error {
	if s.Of < 1 || s.Of > generatorsMax || s.Index < 0 || s.Index >= s.Of {
		return fmt.Errorf("share %d of %d: there are 1 to %d", s.Index, s.Of, generatorsMax)
	}
	if s.seats(c) == 0 {
		return fmt.Errorf("%d connections in %d rooms leave nothing to one of %d agents", c.Connections, c.Rooms, s.Of)
	}
	return nil
}

// seats gives each worker its part of this generator's connections. The first Senders
// connections send; room and sender go round so that each room has its share. Connections of other
// generators are members of their rooms from the beginning: nothing is sent before all are.
func (r *run) seats() [][]conn {
	c := r.cfg
	all := make([][]conn, c.Workers)
	next := 0
	for id := range c.Connections {
		room, slow := id%c.Rooms, id >= c.Connections-c.Slow
		if r.share.Of > 1 && r.share.owner(c, id) != r.share.Index {
			if !slow {
				r.members[room].Add(1)
			}
			continue
		}
		w := next % c.Workers
		next++
		all[w] = append(all[w], conn{
			id:     uint32(id),
			index:  int32(len(all[w])),
			room:   room,
			user:   c.Fleet.Member(room+c.SkipRooms, id/c.Rooms),
			sender: id < c.Senders,
			node:   r.nodeOf(uint32(id)),
			slow:   slow,
			person: r.newPerson(),
		})
	}
	if c.NodesInTurn {
		for _, conns := range all {
			slices.SortStableFunc(conns, func(a, b conn) int { return cmp.Compare(a.node, b.node) })
			for i := range conns {
				conns[i].index = int32(i)
			}
		}
	}
	return all
}
