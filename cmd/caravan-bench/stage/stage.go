// Package stage puts up a throw-away deployment of Caravan for chaos: servers in
// processes of their own, a database, Redis if wanted, a seeded fleet; and says
// in which ways each part can be broken and mended. Whatever ends this process
// ends all of it.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
)

// Config says what to put up.
type Config struct {
	Binary string // caravan itself
	Store  string // "sqlite" or "postgres"
	Nodes  int    // servers
	Redis  Redis  // how they hear one another
	Files  Files  // where they keep files; empty: DiskFiles
	Secret string // for tokens
	Fleet  fleet.Fleet

	// Standby gives PostgreSQL a standby, which takes over again and again.
	Standby Standby

	// Partitions troubles the network between any two parts.
	Partitions bool

	// Measured servers are as an operator starts them: without the roles and the frequent
	// looks at them that chaos wants, and without a fleet whose users have several rooms.
	Measured bool

	// RightsTriggers are made on a PostgreSQL without a standby, so that servers look at
	// those members alone whose rights were written.
	RightsTriggers bool

	// Lived has all trips' rooms in such a PostgreSQL before anybody comes, as a deployment
	// has that people have used. Otherwise a room is made for the first one who enters.
	Lived bool

	// ServeFlags are further ones of each server.
	ServeFlags []string

	// Limited leaves the servers the limits that they have by default: what each
	// user may ask for. Otherwise there are none, as a fleet that resends what was
	// lost is faster than people.
	Limited bool
}

// Standby is whether PostgreSQL has a standby, and whether a commit waits for it.
type Standby string

// The kinds of Standby.
const (
	NoStandby    Standby = ""
	SyncStandby  Standby = "sync"
	AsyncStandby Standby = "async"
)

// Stage is a running deployment. Nodes, Parts and Close are of one goroutine; the
// faults of different parts may happen at the same time.
type Stage struct {
	dir      string
	binary   string
	trips    int // of the fleet
	database database
	redis    redis // nil: none
	files    files
	network  network
	nodes    []*node
	fell     chan error // a node that ended by itself; room for one
}

// database is one of the two stores, as a part that breaks.
type database interface {
	url() string // for one who stands outside of the network
	urlOf(node int) (string, error)
	faults() []chaos.Fault
	logTail() string // empty: it keeps no log
	close() error
}

// Open puts everything up and returns when all servers are ready. Where it fails
// nothing is left behind.
func Open(ctx context.Context, cfg Config) (*Stage, error) {
	dir, err := os.MkdirTemp("", "caravan-chaos-")
	if err != nil {
		return nil, err
	}
	s := &Stage{dir: dir, binary: cfg.Binary, trips: cfg.Fleet.Trips, fell: make(chan error, 1)}
	if err := s.open(ctx, &cfg); err != nil {
		return nil, errors.Join(err, s.Close(), os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context, cfg *Config) error {
	s.network.between = cfg.Partitions
	if err := s.openDatabase(ctx, cfg); err != nil {
		return err
	}
	var err error
	if cfg.Redis != NoRedis {
		if s.redis, err = openRedis(cfg.Redis, &s.network); err != nil {
			return err
		}
	}
	if err := s.openFiles(cfg); err != nil {
		return err
	}
	for i := range cfg.Nodes {
		n, err := newNode(i, cfg, s)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, n)
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openDatabase puts up the database, and seeds the fleet.
func (s *Stage) openDatabase(ctx context.Context, cfg *Config) (err error) {
	switch {
	case cfg.Store == "sqlite":
		s.database, err = openSQLite(s.dir)
	case cfg.Standby != NoStandby:
		s.database, err = openPair(ctx, cfg, s)
	default:
		s.database, err = openPostgres(&s.network, cfg.Nodes)
	}
	if err != nil {
		return err
	}
	if err = s.seed(ctx, cfg); err != nil {
		return err
	}
	db, ok := s.database.(*postgres)
	if ok && cfg.Lived {
		if err := db.makeRooms(); err != nil {
			return err
		}
	}
	if ok && cfg.RightsTriggers {
		return db.makeRightsTriggers(ctx, s.binary)
	}
	return nil
}

// seed makes the fleet, and again with fewer trips: so users are collaborators of several.
func (s *Stage) seed(ctx context.Context, cfg *Config) error {
	times := 3
	if cfg.Measured {
		times = 1
	}
	for trips := cfg.Fleet.Trips; trips > max(cfg.Fleet.Trips-times, 0); trips-- {
		args := []string{"seed", "--users", strconv.Itoa(cfg.Fleet.Users), "--trips", strconv.Itoa(trips), "--database", s.database.url()}
		if out, err := exec.CommandContext(ctx, cfg.Binary, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s seed: %w\n%s", cfg.Binary, err, out)
		}
	}
	return nil
}

// URLs returns where the servers listen, before and after every fault.
func (s *Stage) URLs() []string {
	urls := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		urls[i] = "ws://" + n.address
	}
	return urls
}

// Server is a server as one that measures needs it.
type Server struct {
	URL, Admin string
	PID        int
}

// Servers returns the servers that run now.
func (s *Stage) Servers() []Server {
	servers := make([]Server, len(s.nodes))
	for i, n := range s.nodes {
		servers[i] = Server{URL: "ws://" + n.address, Admin: "http://" + n.admin, PID: n.Pid()}
	}
	return servers
}

// Ending reports whether a server's connections may have ended since a time, by its place in
// URLs: it was down, being stopped or starting then, or a moment before, or its network was. It
// is safe for concurrent use.
func (s *Stage) Ending(node int, since time.Time) bool { return s.nodes[node].ending(since) }

// Parts returns what can be broken, the same for the same Config.
func (s *Stage) Parts() []chaos.Part {
	var parts []chaos.Part
	for _, n := range s.nodes {
		parts = append(parts, chaos.Part{Name: n.name, Faults: n.faults()})
	}
	parts = append(parts, chaos.Part{Name: "database", Faults: s.database.faults()})
	if s.redis != nil {
		parts = append(parts, chaos.Part{Name: "redis", Faults: s.redis.faults()})
	}
	if faults := s.files.faults(); faults != nil {
		parts = append(parts, chaos.Part{Name: "files", Faults: faults})
	}
	return append(parts, s.network.parts()...)
}

// Losses tells the account what fail-overs lost; nil where they must lose nothing.
func (s *Stage) Losses() verify.Losses {
	if p, ok := s.database.(*pair); ok && p.losses != nil {
		return p.losses
	}
	return nil
}

// FailOver notes fail-overs that lose nothing; nil where there are none, or they may lose
// something.
func (s *Stage) FailOver() func(note func(ledger.Record)) {
	if p, ok := s.database.(*pair); ok && p.losses == nil {
		return p.takeovers.begin
	}
	return nil
}

// Fell tells of the first server that ended by itself, which is a defect.
func (s *Stage) Fell() <-chan error { return s.fell }

// Dir is where the servers' logs are, and what the caller wants to keep with them.
func (s *Stage) Dir() string { return s.dir }

// WriteLogs writes the end of every log, for people.
func (s *Stage) WriteLogs(w io.Writer) {
	tell := func(name, log string) {
		_, _ = fmt.Fprintf(w, "--- the end of the log of %s\n%s", name, log) // there is nobody else to tell
	}
	for _, n := range s.nodes {
		tell(n.name, n.LogTail())
	}
	if log := s.database.logTail(); log != "" {
		tell("the database", log)
	}
	if log := s.files.logTail(); log != "" {
		tell("the store of files", log)
	}
}

// Close ends everything at once. The directory stays: Remove removes it.
func (s *Stage) Close() error {
	var errs []error
	for _, n := range s.nodes {
		errs = append(errs, n.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.close())
	}
	if s.files != nil {
		errs = append(errs, s.files.close())
	}
	if s.database != nil {
		if log := s.database.logTail(); log != "" {
			errs = append(errs, os.WriteFile(filepath.Join(s.dir, "database.log"), []byte(log), 0o600))
		}
		errs = append(errs, s.database.close())
	}
	errs = append(errs, s.network.close())
	return errors.Join(errs...)
}

// Remove removes what Close left. Call it after Close.
func (s *Stage) Remove() error { return os.RemoveAll(s.dir) }
