package pgserver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// promoteTimeout is for the standby to read all that it has.
const promoteTimeout = 30 * time.Second

// Standby starts a copy of the server that follows it, and returns the copy when it
// accepts connections. It may be made synchronous by the name that
// Setting("cluster_name", …) gives it.
func (s *Server) Standby(options ...Option) (*Server, error) {
	return start(func(copied *Server) error {
		out, err := copied.command("pg_basebackup", "--pgdata", copied.dataDir(), "--host", s.Dir(), "--port", strconv.Itoa(s.port),
			"--username", superuser, "--wal-method", "stream", "--checkpoint", "fast", "--write-recovery-conf", "--no-sync").CombinedOutput()
		if err != nil {
			return fmt.Errorf("pgserver: pg_basebackup: %w\n%s", err, out)
		}
		return nil
	}, options)
}

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

// Promote makes a primary of a standby, on the next timeline, whether or not the
// former primary lives. It returns when the server takes writes.
func (s *Server) Promote() error {
	answer, err := s.Exec("postgres", fmt.Sprintf("SELECT pg_promote(true, %d)", int(promoteTimeout/time.Second)))
	if err == nil && strings.TrimSpace(answer) != "t" {
		err = fmt.Errorf("pgserver: not promoted within %v", promoteTimeout)
	}
	return err
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
