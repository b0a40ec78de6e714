package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/servers/child"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol/token"
)

// The servers that are measured one beside the other.
const (
	floorServer    = "floor"
	gwsServer      = "gws"
	gorillaServer  = "gorilla"
	sqliteServer   = "caravan-sqlite"
	postgresServer = "caravan-postgres"
)

var besideServers = []string{floorServer, gwsServer, gorillaServer, sqliteServer, postgresServer}

const (
	besideStart      = 30 * time.Second // for a server to be ready
	besideHandshakes = 32               // at once
)

// besideConfig says which programs are measured, and on which processor.
type besideConfig struct {
	caravan, peers string
	core           int
}

// beside is one server while it is measured.
type beside struct {
	process *child.Server
	listen  string
	admin   string // empty: it has none
	secret  string // of tokens; empty: it wants none
}

// measure starts a server, loads it, and ends it.
func (b *besideConfig) measure(ctx context.Context, server string, load bench.Config) (_ *bench.Report, err error) {
	dir, err := os.MkdirTemp("", "caravan-beside-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	database := "sqlite:" + filepath.Join(dir, "caravan.db")
	if server == postgresServer {
		pg, err := pgserver.New()
		if err != nil {
			return nil, err
		}
		defer pg.Close() // it is thrown away
		name, err := pg.CreateDatabase()
		if err != nil {
			return nil, err
		}
		database = pg.URL(name)
	}
	s, err := b.start(ctx, server, database, &load)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.process.Close()) }()
	load.URL, load.ServerPID, load.Version = "ws://"+s.listen, s.process.Pid(), version
	load.Handshakes, load.Durability = besideHandshakes, server
	load.Protocol = bench.Raw
	if s.secret != "" {
		load.Protocol, load.Admin = bench.Caravan, "http://"+s.admin
		load.Mint = func(user uuid.UUID) (string, error) { return token.Sign([]byte(s.secret), user, tokenTTL) }
	}
	return bench.Run(ctx, load)
}

// start starts a server that has what the load needs.
func (b *besideConfig) start(ctx context.Context, server, database string, load *bench.Config) (*beside, error) {
	s := &beside{}
	var err error
	if s.listen, err = freeAddress(); err != nil {
		return nil, err
	}
	ready := func(context.Context, int) bool { return listens(s.listen) }
	command := []string{b.peers, "--library", server, "--listen", s.listen}
	switch server {
	case floorServer:
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{own, "floor", "--listen", s.listen}
	case sqliteServer, postgresServer:
		if s.admin, err = freeAddress(); err != nil {
			return nil, err
		}
		if err := b.seed(ctx, database, load); err != nil {
			return nil, err
		}
		s.secret = rand.Text() + rand.Text()
		ready = func(ctx context.Context, _ int) bool { return isReady(ctx, s.admin) }
		command = []string{b.caravan, "serve", "--listen", s.listen, "--admin-listen", s.admin, "--rate", "0",
			"--jwt-secret", s.secret, "--database", database}
	}
	s.process, err = child.New(child.Config{
		Name: server, EndsOn: syscall.SIGKILL, Ready: ready,
		Command: func() *exec.Cmd {
			return exec.Command("taskset", append([]string{"-c", strconv.Itoa(b.core)}, command...)...)
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, besideStart)
	defer cancel()
	if err := s.process.Start(ctx); err != nil {
		return nil, errors.Join(err, s.process.Close())
	}
	return s, nil
}

// seed writes a fleet that is large enough, as bench.Run takes it by itself.
func (b *besideConfig) seed(ctx context.Context, database string, load *bench.Config) error {
	rooms := load.Rooms
	switch {
	case rooms == 0 && load.Scenario == bench.Pairs:
		rooms = load.Connections / 2
	case rooms == 0:
		rooms = 1
	}
	args := []string{"seed", "--users", strconv.Itoa(load.Connections), "--trips", strconv.Itoa(rooms), "--database", database}
	if out, err := exec.CommandContext(ctx, b.caravan, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s seed: %w\n%s", b.caravan, err, out)
	}
	return nil
}

func freeAddress() (string, error) {
	port, err := child.FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

func listens(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	return err == nil && c.Close() == nil
}

// isReady asks Caravan's admin port.
func isReady(ctx context.Context, admin string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// pin has all threads of this process, and what it starts, run on one processor.
func pin(core int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(core)
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("processor %d: %w", core, err)
		}
	}
	return nil
}
