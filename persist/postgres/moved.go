package postgres

import (
	"context"
	"errors"
	"fmt"
)

// A database and a copy of it in another cluster are two, whatever they hold: what is
// told in one is not in the other. A node that finds itself in the other one, as where
// somebody put the wrong host into the URL, must not go on there. So the database has
// its cluster's system identifier.

// ErrMoved says that a database comes from another cluster.
var ErrMoved = errors.New("the database comes from another cluster of PostgreSQL")

const (
	readCluster = `SELECT cluster FROM chat_deployment ORDER BY id LIMIT 1`
	noteCluster = `UPDATE chat_deployment SET cluster = $1 WHERE cluster IS NULL OR $2`
)

// checkCluster notes the cluster of a database in which none is noted, and fails with
// ErrMoved where it is another one and that is not meant to be. A role that may not ask
// for the cluster is not checked, nor is a database that takes no writes and has no note.
func (s *Store) checkCluster(ctx context.Context) error {
	here := int64(s.primary.system.Load())
	if here == 0 {
		return nil
	}
	err := s.compareCluster(ctx, here)
	switch {
	case err == nil, hasCode(err, codeReadOnly):
		return nil
	case errors.Is(err, ErrMoved):
		return err
	}
	return fault("deployment", err)
}

func (s *Store) compareCluster(ctx context.Context, here int64) error {
	if _, err := s.storedDeployment(ctx); err != nil {
		return err
	}
	var noted *int64
	if err := s.readers.QueryRow(ctx, readCluster).Scan(&noted); err != nil {
		return err
	}
	switch {
	case noted != nil && *noted == here:
		return nil
	case noted != nil && !s.moved:
		return fmt.Errorf("%w (its system identifier is %d, that of this one is %d): if it was moved or copied here on purpose, "+
			"by a dump, a logical replica or pg_upgrade, run `caravan migrate --moved` once; otherwise look whether the URL names the right server", ErrMoved, *noted, here)
	}
	_, err := s.readers.Exec(ctx, noteCluster, here, s.moved)
	return err
}
