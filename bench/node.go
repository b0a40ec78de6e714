package bench

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/caravan-chat/caravan/bench/wire"
)

// node is one server as connections reach it.
type node struct {
	Node
	end     wire.Endpoint
	address netip.AddrPort
}

// findNodes looks up the addresses of all nodes.
func (r *run) findNodes() error {
	for _, n := range r.cfg.nodes() {
		end, err := wire.ParseEndpoint(n.URL)
		if err != nil {
			return err
		}
		found, err := net.ResolveTCPAddr("tcp", end.Address)
		if err != nil {
			return fmt.Errorf("cannot reach %s: %w", n.URL, err)
		}
		address := netip.AddrPortFrom(found.AddrPort().Addr().Unmap(), uint16(found.Port))
		if r.cfg.Sources > 1 && !(address.Addr().Is4() && address.Addr().IsLoopback()) {
			return fmt.Errorf("%d connections of one process need several source addresses, which only work towards 127.0.0.0/8, not %v: %d at most", r.share.seats(r.cfg), address.Addr(), portsPerSource)
		}
		r.nodes = append(r.nodes, node{n, end, address})
	}
	return nil
}

// nodeOf is which node a connection goes to: the seats of each room go round, each room's from another
// node, so that all nodes have as many. With nodes in turn the seats of neighbouring rooms go to the same nodes, which
// lie as far apart as they can.
func (r *run) nodeOf(id uint32) uint8 {
	seat, room := int(id)/r.cfg.Rooms, int(id)%r.cfg.Rooms
	if !r.cfg.NodesInTurn {
		return uint8((seat + room) % len(r.nodes))
	}
	seats := (r.cfg.Connections-1)/r.cfg.Rooms + 1
	return uint8((room*len(r.nodes)/r.cfg.Rooms + seat*max(1, len(r.nodes)/seats)) % len(r.nodes))
}
