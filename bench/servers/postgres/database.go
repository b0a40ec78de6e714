package pgserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
)

var databases atomic.Int64

// URL returns the postgres:// URL of the database with that name over TCP. The
// database "postgres" always exists.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, s.port, database)
}

// CreateDatabase makes an empty database and returns its name.
func (s *Server) CreateDatabase() (string, error) { return s.create("") }

// create makes a database, with what CREATE DATABASE is to know of it.
func (s *Server) create(with string) (string, error) {
	name := "db" + strconv.FormatInt(databases.Add(1), 10)
	if err := s.each("CREATE DATABASE " + name + with); err != nil {
		return "", err
	}
	return name, nil
}

// DropDatabase ends the connections to databases and removes them.
func (s *Server) DropDatabase(names ...string) error {
	drops := make([]string, len(names))
	for i, name := range names {
		drops[i] = "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"
	}
	return s.each(drops...)
}

// each runs statements that may be part of no transaction.
func (s *Server) each(statements ...string) error {
	session, err := s.Connect(context.Background(), "postgres")
	if err != nil {
		return err
	}
	var errs []error
	for _, sql := range statements {
		_, err := session.Query(sql)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, session.Close())...)
}

// dropsAtOnce is how many databases that tests have left are dropped together. To drop one
// takes a checkpoint, and after it whatever changes a page writes all of that page to the log.
const dropsAtOnce = 16

// unused are databases that nobody needs any more.
type unused struct {
	mu    sync.Mutex
	names []string
}

// leave drops a database soon. Those that it keeps end with the server.
func (s *Server) leave(name string) error {
	s.unused.mu.Lock()
	s.unused.names = append(s.unused.names, name)
	var names []string
	if len(s.unused.names) >= dropsAtOnce {
		names, s.unused.names = s.unused.names, nil
	}
	s.unused.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	return s.DropDatabase(names...)
}

// model is a database that others are copies of.
type model struct {
	made sync.Once
	name string
	err  error
}

// copied makes a copy of the model of a kind, which fill fills at the first call.
func (s *Server) copied(kind string, fill func(url string) error) (string, error) {
	made, _ := s.models.LoadOrStore(kind, &model{})
	m := made.(*model)
	m.made.Do(func() {
		if m.name, m.err = s.CreateDatabase(); m.err == nil {
			m.err = fill(s.URL(m.name))
		}
	})
	if m.err != nil {
		return "", m.err
	}
	return s.create(" TEMPLATE " + m.name)
}

// Exec runs SQL with psql, as a second program beside the one under test would,
// and returns the rows: columns separated by |, rows by newlines. Several statements
// are one transaction.
func (s *Server) Exec(database, sql string) (string, error) {
	out, err := s.command("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
		"--host", s.Dir(), "--port", strconv.Itoa(s.port), "--username", superuser, "--dbname", database, "--command", sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgserver: psql: %w\n%s", err, out)
	}
	return string(out), nil
}
