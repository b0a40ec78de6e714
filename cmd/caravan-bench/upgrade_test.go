package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/scrape"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/bench/verify"
)

// Builds that nodes of this one run beside.
const (
	// oneTableBuild is the last one before the log became two tables and the envelopes
	// between nodes got a second version.
	oneTableBuild = "bc3a49f7a934856a3e3b16d1ff154c6c29150284"
	// unsignedBuild is the last one before envelopes are signed. It knows no changes of
	// messages but edits.
	unsignedBuild = "3ea6767d3c1dab27de57801793b9408eacc2e089"
	// untimedBuild is the last one before envelopes have a timeline.
	untimedBuild = "39b113af38738c81b4d012a64c5a3a76d1ad178f"
)

// TestUpgradeNodeByNode runs a node of an older build beside one of this build, on
// one database and one Redis, while a fleet writes, edits and reconnects. Nothing is
// lost, repeated or reordered, whichever of them writes first.
func TestUpgradeNodeByNode(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t).URL()
	newer := buildCaravan(t)
	olderFirst := func(u *upgrade) {
		u.begin(u.older, u.older)
		u.works(u.older)
		u.newer.serve(u.t) // it brings the schema up to date under the older one's writes
		u.spread(u.older, u.newer)
		u.works(u.older, u.newer)
		u.spread(u.newer, u.newer)
		u.older.drain(u.t)
		u.works(u.newer)
	}
	newerFirst := func(u *upgrade) {
		u.newer.serve(u.t)
		u.begin(u.newer, u.newer)
		u.works(u.newer)
		u.spread(u.older, u.newer)
		u.works(u.older, u.newer)
		u.spread(u.older, u.older) // and back, as after an upgrade that was given up
		u.newer.drain(u.t)
		u.works(u.older)
	}
	oneTable, unsigned, untimed := buildOlder(t, oneTableBuild), buildOlder(t, unsignedBuild), buildOlder(t, untimedBuild)
	changes := []string{"delete_message", "pin_message", "react", "reply_to", "mentions", "data", "watch"} // an older node tells a message without its reply_count
	version2 := append([]string{"mark_read"}, changes...)
	for name, c := range map[string]struct {
		older   string
		mayLose string   // of what the older one tells
		spares  []string // what it does not know
		run     func(u *upgrade)
	}{
		"one table, the newer one writes first": {oneTable, "unsigned", version2, newerFirst},
		"unsigned, the older one writes first":  {unsigned, "unsigned", version2, olderFirst},
		"untimed, the older one writes first":   {untimed, "", changes, olderFirst},
		"untimed, the newer one writes first":   {untimed, "", changes, newerFirst},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := pgserver.Shared(t).Database(t)
			flags := []string{"--redis", redis, "--redis-prefix", strings.NewReplacer(" ", "-", ",", "").Replace(name)}
			u := &upgrade{
				t: t, spares: c.spares,
				older: &node{
					caravan: caravan{binary: c.older, store: store, flags: flags, listen: "127.0.0.1:0"},
					mayLose: "newer", // what is signed, or has a timeline, is of a newer version
				},
				newer: &node{
					caravan: caravan{binary: newer, store: store, flags: flags, listen: "127.0.0.1:0"},
					mayLose: c.mayLose,
				},
			}
			u.older.seed(t, members, rooms)
			u.older.serve(t) // before the other one: it refuses a schema that is newer than itself
			c.run(u)
			u.end()
		})
	}
}

const members, rooms = 20, 2

// upgrade is a fleet that comes through two addresses, each of which leads to one
// of two nodes: as a load balancer would have it.
type upgrade struct {
	t            *testing.T
	spares       []string // what members do not ask for
	older, newer *node
	addresses    [2]*forwarder
	acting       context.CancelFunc
	report       chan *ledger.Report
}

// node is one of the two servers.
type node struct {
	caravan
	before  scrape.Metrics // when the fleet was spread last
	drained bool
	mayLose string // the reason for which it reads what the other one tells from the database
}

// serve starts the node. It is killed at the end of the test.
func (n *node) serve(t *testing.T) {
	t.Helper()
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
}

// drain lets the node end as an operator does.
func (n *node) drain(t *testing.T) {
	t.Helper()
	n.isClear(t)
	if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await.Done(t, "the drained node has ended", n.ended)
	n.drained = true
	if !n.process.ProcessState.Success() {
		t.Errorf("the drained node ended with %v", n.process.ProcessState)
	}
}

// notTaken is a count of notices from other nodes that is not zero, with its reason.
var notTaken = regexp.MustCompile(`(?m)^caravan_backplane_lost_total\{reason="(foreign|newer|malformed|unsigned|unknown_key|forged|stale|old_timeline)"\} [^0].*$`)

// isClear demands that the node took all that the other one told it, but for what it
// is said to read from the database.
func (n *node) isClear(t *testing.T) {
	t.Helper()
	resp, err := http.Get("http://" + n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range notTaken.FindAllStringSubmatch(string(text), -1) {
		if lost[1] != n.mayLose {
			t.Errorf("the node of %s has not taken what the other one told it: %s", filepath.Base(n.binary), lost[0])
		}
	}
}

func (n *node) metrics(t *testing.T) scrape.Metrics {
	t.Helper()
	m, err := scrape.Read(t.Context(), "http://"+n.admin)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// begin lets the fleet come through addresses that lead to these nodes.
func (u *upgrade) begin(first, second *node) {
	u.t.Helper()
	cfg := verify.Config{
		Fleet: fleet.Fleet{Users: members, Trips: rooms}, Members: members, Rooms: rooms,
		Rate: 4, Session: time.Second, // several fleets act at a time
		Duration: 20 * await.Limit, Settle: 30 * time.Second, // it is stopped before
		Spares: u.spares, Header: slices.Contains(u.spares, "mark_read"),
	}
	s := seats{secret: secret}
	var err error
	if cfg.Mint, err = s.mint(tokenTTL); err != nil {
		u.t.Fatal(err)
	}
	for i := range u.addresses {
		u.addresses[i] = forward(u.t)
		cfg.URLs = append(cfg.URLs, "ws://"+u.addresses[i].address())
	}
	u.spread(first, second)
	ctx, stop := context.WithCancel(u.t.Context())
	u.acting, u.report = stop, make(chan *ledger.Report, 1)
	go func() {
		defer close(u.report)
		report, err := verify.Run(ctx, cfg)
		if err != nil {
			u.t.Error(err)
			return
		}
		u.report <- report
	}()
	u.t.Cleanup(func() {
		stop()
		for range u.report { // until it has ended
		}
	})
}

// spread leads new connections through the first address to one node, and those
// through the second to another.
func (u *upgrade) spread(nodes ...*node) {
	for i, n := range nodes {
		n.before = n.metrics(u.t)
		u.addresses[i].to.Store(&n.listen)
	}
}

// works waits until each of the nodes has told something to every member many times since the
// fleet was spread, and has received much from the other one, if there is one.
func (u *upgrade) works(nodes ...*node) {
	u.t.Helper()
	await.Until(u.t, "the fleet goes on at all its nodes", func() bool {
		for _, n := range nodes {
			grown := n.metrics(u.t).Since(n.before)
			if grown["caravan_deliveries_total"] < 30*members || grown["caravan_backplane_received_total"] < 100 {
				return false
			}
		}
		return true
	})
}

// end draws up the account.
func (u *upgrade) end() {
	u.t.Helper()
	u.acting()
	report := await.Value(u.t, "the account", u.report)
	if !report.Clean || report.Stored == 0 || report.Edits == 0 {
		u.t.Errorf("the account: %+v", report)
	}
	for _, n := range []*node{u.older, u.newer} {
		if !n.drained {
			n.isClear(u.t)
		}
	}
}

// forwarder passes connections on to the address that it leads to when they come.
type forwarder struct {
	listener net.Listener
	to       atomic.Pointer[string]
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func forward(t *testing.T) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{listener: l}
	f.running.Go(f.accept)
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			_ = c.Close()
		}
		f.mu.Unlock()
		f.running.Wait()
	})
	return f
}

func (f *forwarder) address() string { return f.listener.Addr().String() }

// accept runs until the listener is closed.
func (f *forwarder) accept() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", *f.to.Load())
		if err != nil { // the node is gone: the client comes again
			_ = in.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, in, out)
		f.mu.Unlock()
		f.pass(in, out)
		f.pass(out, in)
	}
}

// pass copies what one side sends to the other one, its end included.
func (f *forwarder) pass(from, to net.Conn) {
	f.running.Go(func() {
		_, err := io.Copy(to, from)
		if err != nil { // broken on either side: so for both
			_ = from.Close()
			_ = to.Close()
			return
		}
		_ = to.(*net.TCPConn).CloseWrite()
	})
}
