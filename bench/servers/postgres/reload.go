package pgserver

import (
	"fmt"
	"strings"
	"time"
)

const (
	reloadTimeout = 30 * time.Second
	reloadPoll    = 5 * time.Millisecond
)

// Set sets a configuration parameter of a running server, one that needs no restart,
// and returns when all sessions have it, those that are there included.
func (s *Server) Set(name, value string) error {
	for _, sql := range []string{fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value), "SELECT pg_reload_conf()"} {
		if _, err := s.Exec("postgres", sql); err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(reloadTimeout); ; time.Sleep(reloadPoll) {
		now, err := s.Exec("postgres", "SHOW "+name)
		switch {
		case err != nil:
			return err
		case strings.TrimSpace(now) == value:
			// The server accepts nobody while it tells its sessions. So whoever comes after one that
			// knows comes after all were told, and they read it before they do anything else.
			_, err := s.Exec("postgres", "SELECT")
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("pgserver: %s is %s and not %s after %v", name, strings.TrimSpace(now), value, reloadTimeout)
		}
	}
}
