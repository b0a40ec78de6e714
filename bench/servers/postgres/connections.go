package pgserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// endOthers ends the connections to a database that are no Session.
const endOthers = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'client backend' AND datname = current_database() AND application_name <> current_setting('application_name')`

// CutConnections ends every connection to a database but those of Connect, in
// whatever it is doing, and returns how many.
func (s *Server) CutConnections(ctx context.Context, database string) (int, error) {
	session, err := s.Connect(ctx, database)
	if err != nil {
		return 0, err
	}
	defer session.Close()
	return session.cutOthers()
}

func (s *Session) cutOthers() (int, error) {
	tag, err := s.Query(endOthers)
	if err != nil {
		return 0, fmt.Errorf("pgserver: %w", err)
	}
	return strconv.Atoi(strings.TrimPrefix(tag, "SELECT "))
}

// Connections are all those that a server had for a database.
type Connections []*Session

// A connection that is just being made has its place, and is not seen yet. So nobody else has one
// when none was seen so many times, with a pause between.
const (
	alonePause = 50 * time.Millisecond
	aloneTimes = 10
)

// TakeConnections takes all connections that a server has for a database, from those
// who have them too. The caller closes them.
func (s *Server) TakeConnections(ctx context.Context, database string) (taken Connections, err error) {
	for alone := 0; ; {
		session, err := s.Connect(ctx, database)
		switch {
		case err == nil:
			taken, alone = append(taken, session), 0
			continue
		case ctx.Err() != nil || len(taken) == 0:
			return taken, fmt.Errorf("pgserver: not all connections were to be had: %w", err)
		case alone == aloneTimes: // the server's limit, and nobody else is within it
			return taken, nil
		}
		cut, err := taken[0].cutOthers()
		if err != nil {
			return taken, err
		}
		if cut > 0 {
			alone = 0
			continue
		}
		alone++
		time.Sleep(alonePause)
	}
}

// Close gives the connections back.
func (c Connections) Close() error {
	var errs []error
	for _, session := range c {
		errs = append(errs, session.Close())
	}
	return errors.Join(errs...)
}
