package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

const (
	seedUsers = `INSERT INTO users (id, email, username, first_name, last_name)
	SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING`

	seedTrips = `INSERT INTO trips (id, title, created_at)
	SELECT id, title, now() FROM unnest($1::uuid[], $2::text[]) AS t(id, title) ON CONFLICT DO NOTHING`

	seedCollaborators = `INSERT INTO collaborators (trip_id, user_id, role, created_at)
	SELECT trip, member, role, now() FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS c(trip, member, role) ON CONFLICT DO NOTHING`
)

// seedRows is how many rows go in one statement, so that none grows without limit.
const seedRows = 10_000

// Seed implements persist.Seeder, in one transaction.
func (s *Store) Seed(ctx context.Context, seeds *persist.Seeds) error {
	err := pgx.BeginFunc(ctx, s.readers, func(tx pgx.Tx) error {
		for users := range slices.Chunk(seeds.Users, seedRows) {
			n := len(users)
			id, email, name, first, last := make([][16]byte, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
			for i, u := range users {
				id[i], email[i], name[i], first[i], last[i] = u.ID, u.Email, u.Username, u.FirstName, u.LastName
			}
			if _, err := tx.Exec(ctx, seedUsers, id, email, name, first, last); err != nil {
				return fmt.Errorf("users: %w", err)
			}
		}
		for trips := range slices.Chunk(seeds.Trips, seedRows) {
			id, title := make([][16]byte, len(trips)), make([]string, len(trips))
			for i, t := range trips {
				id[i], title[i] = t.ID, t.Title
			}
			if _, err := tx.Exec(ctx, seedTrips, id, title); err != nil {
				return fmt.Errorf("trips: %w", err)
			}
		}
		for members := range slices.Chunk(seeds.Collaborators, seedRows) {
			n := len(members)
			trip, user, role := make([][16]byte, n), make([][16]byte, n), make([]string, n)
			for i, c := range members {
				trip[i], user[i], role[i] = c.Trip, c.User, c.Role
			}
			if _, err := tx.Exec(ctx, seedCollaborators, trip, user, role); err != nil {
				return fmt.Errorf("collaborators: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return fault("seed", err)
	}
	return nil
}
