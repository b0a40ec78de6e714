package sqlite

import (
	"context"
	"fmt"

	"github.com/caravan-chat/caravan/persist"
)

// synchronous are the levels of PRAGMA synchronous by number.
var synchronous = []string{"off", "normal", "full", "extra"}

// Durability tells what SQLite commits to on the connection that writes.
func (s *Store) Durability(ctx context.Context) (*persist.Durability, error) {
	is := &persist.Durability{Store: "sqlite"}
	var journal string
	var level int
	for _, answer := range []struct {
		question string
		into     any
	}{
		{"SELECT sqlite_version()", &is.Version},
		{"PRAGMA journal_mode", &journal},
		{"PRAGMA synchronous", &level},
	} {
		if err := s.writer.QueryRowContext(ctx, answer.question).Scan(answer.into); err != nil {
			return nil, unreachable(err)
		}
	}
	if level < 0 || level >= len(synchronous) {
		return nil, fmt.Errorf("sqlite: synchronous is %d", level)
	}
	is.Settings = []persist.Setting{{Name: "journal_mode", Value: journal}, {Name: "synchronous", Value: synchronous[level]}}
	return is, nil
}
