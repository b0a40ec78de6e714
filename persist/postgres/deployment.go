package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	deployment = `SELECT id FROM chat_deployment ORDER BY id LIMIT 1`

	// One node after another, so that all find the same one.
	lockDeployment = `LOCK TABLE chat_deployment IN SHARE ROW EXCLUSIVE MODE`
	makeDeployment = `INSERT INTO chat_deployment (id) SELECT $1 WHERE NOT EXISTS (SELECT FROM chat_deployment)`

	// What CREATE DATABASE … TEMPLATE, or a dump that is restored, does not copy.
	thisDatabase = `SELECT oid::text FROM pg_database WHERE datname = current_database()`
	thisCluster  = `SELECT system_identifier::text FROM pg_control_system()`
)

// Deployment returns an id that all nodes on this database have in common, and that
// nodes on a copy of it do not: it is made of an id that is stored once, of the
// database's own, and of the cluster's, where the role may read that. A physical copy
// of the whole cluster, as standbys are, has the same.
func (s *Store) Deployment(ctx context.Context) (uuid.UUID, error) {
	stored, err := s.storedDeployment(ctx)
	if err != nil {
		return uuid.UUID{}, fault("deployment", err)
	}
	var database, cluster string
	if err := s.readers.QueryRow(ctx, thisDatabase).Scan(&database); err != nil {
		return uuid.UUID{}, fault("deployment", err)
	}
	err = s.readers.QueryRow(ctx, thisCluster).Scan(&cluster)
	if err != nil && !hasCode(err, codeForbidden) && !hasCode(err, codeNoFunction) {
		return uuid.UUID{}, fault("deployment", err)
	}
	return uuid.NewHash(sha256.New(), stored, fmt.Appendf(nil, "%s/%s", cluster, database), 8), nil
}

// storedDeployment returns the id in the database. The first node makes it.
func (s *Store) storedDeployment(ctx context.Context) (id uuid.UUID, err error) {
	err = s.readers.QueryRow(ctx, deployment).Scan(&id)
	if !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	err = pgx.BeginFunc(ctx, s.readers, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockDeployment); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, makeDeployment, uuid.New()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, deployment).Scan(&id)
	})
	return id, err
}
