package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/persist"
)

// migrate brings the schema up to date, which opening a store does.
func migrate(ctx context.Context, j *job) error {
	if j.cfg.Check {
		return checkDatabase(ctx, j)
	}
	if j.cfg.RightsTriggers != "" {
		sql, err := app.RightsTriggers(ctx, j.cfg, j.log)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(j.stdout, sql)
		return err
	}
	store, err := app.OpenStore(ctx, j.cfg, j.log)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	fmt.Fprintln(j.stdout, "the schema is up to date")
	return nil
}

// backup copies the file of the embedded store.
func backup(ctx context.Context, j *job) error {
	bytes, err := app.Backup(ctx, j.cfg)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.stdout, "%s: %d bytes\n", j.cfg.To, bytes)
	return err
}

// printToken prints an access token.
func printToken(_ context.Context, j *job) error {
	signed, err := j.cfg.JWT.Sign(j.cfg.User, j.cfg.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(j.stdout, signed)
	return err
}

// seed writes the deterministic fleet.
func seed(ctx context.Context, j *job) (err error) {
	store, err := app.OpenSeeder(ctx, j.cfg, j.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := app.Seed(ctx, store, persist.Fleet(j.cfg.Users, j.cfg.Trips)); err != nil {
		return err
	}
	fmt.Fprintf(j.stdout, "%d users and %d trips are there\n", j.cfg.Users, j.cfg.Trips)
	return nil
}
