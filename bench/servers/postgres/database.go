package pgserver

import (
	"fmt"
	"strconv"
	"sync/atomic"
)

var databases atomic.Int64

// URL returns the postgres:// URL of the database with that name over TCP. The
// database "postgres" always exists.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, s.port, database)
}

// CreateDatabase makes an empty database and returns its name.
func (s *Server) CreateDatabase() (string, error) {
	name := "db" + strconv.FormatInt(databases.Add(1), 10)
	if _, err := s.Exec("postgres", "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return name, nil
}

// DropDatabase ends the connections to a database and removes it.
func (s *Server) DropDatabase(name string) error {
	_, err := s.Exec("postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	return err
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
