package pgserver

import (
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

// Start returns a server of the test's own, which ends with the test. The test
// fails, and says what to install, where PostgreSQL is missing.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	servers.Needs(t, "PostgreSQL")
	s, err := New(options...)
	if err != nil {
		t.Fatal(err)
	}
	s.EndWith(t)
	return s
}

// sharedConnections is enough for the stores of many tests at once.
const sharedConnections = "300"

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Shared returns the server that all tests of this process share, started at the
// first call; it ends with the process. Tests must not stop or reconfigure it.
func Shared(t testing.TB) *Server {
	t.Helper()
	servers.Needs(t, "PostgreSQL")
	shared.once.Do(func() { shared.server, shared.err = New(Setting("max_connections", sharedConnections)) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Database makes an empty database, which is dropped after the test, and returns its
// postgres:// URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return s.lent(t, s.CreateDatabase)
}

// Copy is Database with a copy of one that fill has filled, at the first call for that
// kind. fill leaves no connection.
func (s *Server) Copy(t testing.TB, kind string, fill func(url string) error) string {
	t.Helper()
	return s.lent(t, func() (string, error) { return s.copied(kind, fill) })
}

// lent makes a database that is dropped after the test.
func (s *Server) lent(t testing.TB, create func() (string, error)) string {
	t.Helper()
	name, err := create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A server that the test left stopped takes its databases with it.
		if !s.Running() {
			return
		}
		if err := s.leave(name); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}
