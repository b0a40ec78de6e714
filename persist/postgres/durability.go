package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

// durabilitySettings decide what a commit survives: the crash of PostgreSQL
// (synchronous_commit), the loss of power (fsync, full_page_writes), and, where
// there are names, the loss of the whole machine.
var durabilitySettings = []string{"synchronous_commit", "fsync", "full_page_writes", "synchronous_standby_names"}

// Durability tells what the server commits to on the connections that write, as
// its configuration, the database's and the URL's options make it.
func (s *Store) Durability(ctx context.Context) (*persist.Durability, error) {
	is := &persist.Durability{Store: "postgres"}
	if err := s.writers.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&is.Version); err != nil {
		return nil, fault("durability", err)
	}
	rows, err := s.writers.Query(ctx, `SELECT name, current_setting(name) FROM unnest($1::text[]) AS s(name)`, durabilitySettings)
	if err != nil {
		return nil, fault("durability", err)
	}
	if is.Settings, err = pgx.CollectRows(rows, pgx.RowToStructByPos[persist.Setting]); err != nil {
		return nil, fault("durability", err)
	}
	return is, nil
}
