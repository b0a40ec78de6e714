package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/servers/link"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// network is the links between the parts. Links are made while the stage is opened, and
// stay; what troubles them is of the parts' goroutines.
type network struct {
	between bool // it is troubled by itself, and there is a link between any two parts
	pair    bool // there are links to the databases, for fail-overs
	ways    []*way
}

// sort is what a way connects. Each sort is one part that breaks.
type sort string

const (
	toNodes     sort = "clients"
	toDatabases sort = "to the DB"
	replication sort = "standby"
	toRedis     sort = "to Redis"
	toFiles     sort = "to files"
)

// way is one link.
type way struct {
	*link.Link
	sort sort
	name string
	from *node // of clients: the server; nil otherwise
	node int   // whose way it is; negative: nobody's
	to   *pgserver.Server

	mu       sync.Mutex
	troubles int // that it has now
}

// open makes a way.
func (w *network) open(way *way, to string) (*way, error) {
	var err error
	if way.Link, err = link.New(to); err != nil {
		return nil, err
	}
	w.ways = append(w.ways, way)
	return way, nil
}

// toNode returns where clients reach a server.
func (w *network) toNode(n *node) (string, error) {
	if !w.between {
		return n.listen, nil
	}
	way, err := w.open(&way{sort: toNodes, name: n.name, from: n, node: -1}, n.listen)
	if err != nil {
		return "", err
	}
	return way.Addr(), nil
}

// toDatabase returns where a node reaches a PostgreSQL server.
func (w *network) toDatabase(node int, server *pgserver.Server) (string, error) {
	if !w.between && !w.pair {
		return address(server), nil
	}
	way, err := w.open(&way{sort: toDatabases, name: fmt.Sprintf("server %d to :%d", node+1, server.Port()), node: node, to: server}, address(server))
	if err != nil {
		return "", err
	}
	return way.Addr(), nil
}

func address(server *pgserver.Server) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port()))
}

func (w *network) close() error {
	var errs []error
	for _, way := range w.ways {
		errs = append(errs, way.Close())
	}
	return errors.Join(errs...)
}

// those returns the ways that are meant.
func (w *network) those(meant func(*way) bool) (ways []*way) {
	for _, way := range w.ways {
		if meant(way) {
			ways = append(ways, way)
		}
	}
	return ways
}

// impose troubles a way until lift is called.
func (w *way) impose(t link.Trouble) (lift func()) {
	w.count(1)
	if w.from != nil {
		w.from.cut.Store(time.Now().Add(time.Hour).UnixNano())
	}
	mend := w.Impose(t)
	return func() {
		mend()
		w.count(-1)
		if w.from != nil {
			w.from.cut.Store(time.Now().Add(lateEnds).UnixNano())
		}
	}
}

func (w *way) count(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.troubles += n
}

// whole reports whether nothing troubles a node's ways of a sort, those to a database if
// it is not nil.
func (w *network) whole(node int, sort sort, to *pgserver.Server) bool {
	for _, way := range w.ways {
		if way.node != node || way.sort != sort || (to != nil && way.to != to) {
			continue
		}
		way.mu.Lock()
		troubles := way.troubles
		way.mu.Unlock()
		if troubles > 0 {
			return false
		}
	}
	return true
}

// imposeAll troubles ways until lift is called.
func imposeAll(ways []*way, t link.Trouble) (lift func()) {
	lifts := make([]func(), len(ways))
	for i, way := range ways {
		lifts[i] = way.impose(t)
	}
	return func() {
		for _, lift := range lifts {
			lift()
		}
	}
}

// kinds are the ways in which a link is troubled.
var kinds = []struct {
	name    string
	trouble link.Trouble
}{
	{"lost both ways", link.Trouble{Up: true, Down: true}},
	{"lost on the way there", link.Trouble{Up: true}},
	{"lost on the way back", link.Trouble{Down: true}},
	{"refused", link.Trouble{Refuse: true}},
	{"half of the connections lost", link.Trouble{Up: true, Down: true, Half: true}},
	{"late", link.Trouble{Delay: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}},
}

// parts returns what can be troubled: of each sort, one way at a time in one of the ways.
func (w *network) parts() (parts []chaos.Part) {
	sorts := []sort{toNodes, toDatabases, replication, toRedis, toFiles}
	if !w.between {
		sorts = []sort{toFiles} // there are some where the store of files breaks
	}
	for _, sort := range sorts {
		ways := w.those(func(way *way) bool { return way.sort == sort })
		if len(ways) == 0 {
			continue
		}
		part := chaos.Part{Name: string(sort)}
		for _, kind := range kinds {
			among := chaos.Fault{}
			for _, way := range ways {
				among.Among = append(among.Among, way.fault(kind.name, kind.trouble))
			}
			part.Faults = append(part.Faults, among)
		}
		parts = append(parts, part)
	}
	return parts
}

func (w *way) fault(name string, t link.Trouble) chaos.Fault {
	var lift func()
	return chaos.Fault{
		Name: w.name + ": " + name, Min: 500 * time.Millisecond, Max: 5 * time.Second,
		Break: func(context.Context) (string, error) {
			lift = w.impose(t)
			return "so it is", nil
		},
		Mend: func(context.Context) (string, error) {
			lift()
			return "whole", nil
		},
	}
}
