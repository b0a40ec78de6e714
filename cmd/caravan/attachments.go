package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// errAttachments is for scripts: something was found.
var errAttachments = errors.New("rows and bytes do not agree")

// checkAttachments lists bytes without rows, and rows without bytes. It migrates nothing, as the
// commands about people do.
func checkAttachments(ctx context.Context, j *job) (err error) {
	if j.cfg.Attachments == "" {
		return &config.Error{Flag: "attachments", Text: "is missing: where are the files kept?"}
	}
	store, err := app.OpenFileRows(ctx, j.cfg, j.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	blobs, err := app.BlobsToRead(j.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	found, looked, err := app.CheckAttachments(ctx, store, blobs, func(line string) { fmt.Fprintln(j.stdout, line) })
	if err != nil {
		return err
	}
	fmt.Fprintf(j.stdout, "%d files were looked at\n", looked)
	if found > 0 {
		return fmt.Errorf("%w: %d times", errAttachments, found)
	}
	return nil
}
