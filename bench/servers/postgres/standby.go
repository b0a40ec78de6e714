package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The settings of two servers of which each may become the other's standby: they can be
// rewound, keep what the other one may ask for, and notice soon that it is gone.
var pairSettings = []string{
	"wal_log_hints=on", "wal_keep_size=1GB", "hot_standby=on",
	"wal_receiver_timeout=3s", "wal_sender_timeout=3s", "wal_retrieve_retry_interval=200ms", "wal_receiver_status_interval=1s",
}

// copyPatience keeps the server from giving up who copies its files while the machine is busy, as it
// soon does a standby.
const copyPatience = " options='-c wal_sender_timeout=60s'"

// promoteTimeout is for the standby to read all that it has.
const promoteTimeout = 30 * time.Second

// Paired prepares a server to have a standby, and to become one.
func Paired(s *Server) { s.settings = append(s.settings, pairSettings...) }

// NewStandby starts a copy of a server that is Paired, which follows it, and returns it
// when it answers who reads. It reaches the server at primary (host:port). The caller
// closes it.
func NewStandby(primary string, options ...Option) (*Server, error) {
	return start(func(s *Server) error { return s.copyFrom(primary) }, append([]Option{Paired}, options...))
}

// Standby starts a copy of the server that follows it, as NewStandby does. It may be made
// synchronous by the name that Setting("cluster_name", …) gives it.
func (s *Server) Standby(options ...Option) (*Server, error) {
	return NewStandby(s.address(), options...)
}

func (s *Server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// StartStandby returns a Standby that ends with the test.
func (s *Server) StartStandby(t testing.TB, options ...Option) *Server {
	t.Helper()
	standby, err := s.Standby(options...)
	if err != nil {
		t.Fatal(err)
	}
	standby.EndWith(t)
	return standby
}

// copyFrom makes the files of a standby.
func (s *Server) copyFrom(primary string) error {
	out, err := s.command("pg_basebackup", "--pgdata", s.dataDir(), "--dbname", conninfo(primary)+copyPatience,
		"--wal-method", "stream", "--checkpoint", "fast", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgserver: pg_basebackup: %w\n%s", err, out)
	}
	return s.follow(primary)
}

// follow lets a server that does not run be a standby from its next start on. What was
// set while it ran (Set) is forgotten.
func (s *Server) follow(primary string) error {
	s.primary.Store(&primary)
	for _, name := range []string{"standby.signal", "postgresql.auto.conf"} {
		path := filepath.Join(s.dataDir(), name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
		if s.owner == nil {
			continue
		}
		if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
	}
	return nil
}

func conninfo(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr // the program that gets it says what is wrong
	}
	return fmt.Sprintf("host=%s port=%s user=%s dbname=postgres sslmode=disable connect_timeout=3", host, port, superuser)
}

// Promote makes a standby a primary, with a timeline of its own. It returns when it
// takes writes. Whatever it has received is in it.
func (s *Server) Promote() error {
	done, err := s.Exec("postgres", fmt.Sprintf("SELECT pg_promote(true, %d)", int(promoteTimeout.Seconds())))
	if err == nil && strings.TrimSpace(done) != "t" {
		err = errors.New("it was not promoted in time")
	}
	if err != nil {
		return fmt.Errorf("pgserver: promote: %w", err)
	}
	// Whoever rewinds learns of the timeline by a checkpoint on it.
	_, err = s.Exec("postgres", "CHECKPOINT")
	return err
}

// Rejoin makes a former primary that was shut down in order (Fast) the standby of the one
// that took its place, and starts it: what it has beyond the other one is undone. From then
// on it reaches that at addr (host:port).
func (s *Server) Rejoin(primary *Server, addr string) error {
	out, err := s.command("pg_rewind", "--target-pgdata", s.dataDir(), "--source-server", conninfo(primary.address()),
		"--no-sync", "--no-ensure-shutdown").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgserver: pg_rewind: %w\n%s", err, out)
	}
	if err := s.follow(addr); err != nil {
		return err
	}
	return s.Start()
}

// AwaitStandby returns when a standby has all that its primary has written.
func (s *Server) AwaitStandby(ctx context.Context, primary *Server) error {
	until, err := primary.Exec("postgres", "SELECT pg_current_wal_lsn()")
	if err != nil {
		return err
	}
	for {
		has, err := s.Exec("postgres", fmt.Sprintf("SELECT pg_last_wal_replay_lsn() >= '%s'", strings.TrimSpace(until)))
		if err != nil || strings.TrimSpace(has) == "t" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pgserver: the standby lags: %w", ctx.Err())
		case <-time.After(reloadPoll):
		}
	}
}

// replayed asks a standby whether it has replayed all that it has received, and otherwise
// how far it is, if it waits for more: of the last record it may have received a part only.
const replayed = `SELECT CASE WHEN coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), true) THEN 'all'
	WHEN EXISTS (SELECT 1 FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval'))
	THEN pg_last_wal_receive_lsn() || ' ' || pg_last_wal_replay_lsn() ELSE '' END`

// AwaitReplay returns when a standby shows all that it has received and can show.
func (s *Server) AwaitReplay(ctx context.Context) error {
	const sure = 20 // so often in a row it waits, and stands where it stood
	was, times := "", 0
	for {
		is, err := s.Exec("postgres", replayed)
		if is = strings.TrimSpace(is); err != nil || is == "all" {
			return err
		}
		if is == "" || is != was {
			was, times = is, 0
		} else if times++; times == sure {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pgserver: the standby does not show what it has: %w", ctx.Err())
		case <-time.After(reloadPoll):
		}
	}
}
