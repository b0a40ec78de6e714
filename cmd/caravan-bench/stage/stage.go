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
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// Config says what to put up.
type Config struct {
	Binary string // caravan itself
	Store  string // "sqlite" or "postgres"
	Nodes  int    // servers
	Redis  bool   // whether they hear one another over Redis
	Secret string // for tokens
	Fleet  fleet.Fleet

	// Limited leaves the servers the limits that they have by default: what each
	// user may ask for. Otherwise there are none, as a fleet that resends what was
	// lost is faster than people.
	Limited bool
}

// Stage is a running deployment. Nodes, Parts and Close are of one goroutine; the
// faults of different parts may happen at the same time.
type Stage struct {
	dir      string
	database database
	redis    *redisserver.Server // nil: none
	nodes    []*node
	fell     chan error // a node that ended by itself; room for one
}

// database is one of the two stores, as a part that breaks.
type database interface {
	url() string
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
	s := &Stage{dir: dir, fell: make(chan error, 1)}
	if err := s.open(ctx, &cfg); err != nil {
		return nil, errors.Join(err, s.Close(), os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context, cfg *Config) error {
	var err error
	if cfg.Store == "postgres" {
		s.database, err = openPostgres()
	} else {
		s.database, err = openSQLite(s.dir)
	}
	if err != nil {
		return err
	}
	args := []string{"--database", s.database.url()}
	seed := append([]string{"seed", "--users", strconv.Itoa(cfg.Fleet.Users), "--trips", strconv.Itoa(cfg.Fleet.Trips)}, args...)
	if out, err := exec.CommandContext(ctx, cfg.Binary, seed...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s seed: %w\n%s", cfg.Binary, err, out)
	}
	if cfg.Redis {
		if s.redis, err = redisserver.New(); err != nil {
			return err
		}
		args = append(args, "--redis", s.redis.URL())
	}
	for i := range cfg.Nodes {
		n, err := newNode(i, cfg, args, s)
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

// URLs returns where the servers listen, before and after every fault.
func (s *Stage) URLs() []string {
	urls := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		urls[i] = "ws://" + n.listen
	}
	return urls
}

// Ending reports whether a server's connections may end, by its place in URLs: it
// is down, being stopped or starting, or was a moment ago. It is safe for
// concurrent use.
func (s *Stage) Ending(node int) bool { return time.Now().UnixNano() < s.nodes[node].ending.Load() }

// Parts returns what can be broken, the same for the same Config.
func (s *Stage) Parts() []chaos.Part {
	var parts []chaos.Part
	for _, n := range s.nodes {
		parts = append(parts, chaos.Part{Name: n.name, Faults: n.faults()})
	}
	parts = append(parts, chaos.Part{Name: "database", Faults: s.database.faults()})
	if s.redis != nil {
		parts = append(parts, chaos.Part{Name: "redis", Faults: redisFaults(s.redis)})
	}
	return parts
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
}

// Close ends everything at once. The directory stays: Remove removes it.
func (s *Stage) Close() error {
	var errs []error
	for _, n := range s.nodes {
		errs = append(errs, n.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.database != nil {
		if log := s.database.logTail(); log != "" {
			errs = append(errs, os.WriteFile(filepath.Join(s.dir, "database.log"), []byte(log), 0o600))
		}
		errs = append(errs, s.database.close())
	}
	return errors.Join(errs...)
}

// Remove removes what Close left. Call it after Close.
func (s *Stage) Remove() error { return os.RemoveAll(s.dir) }
