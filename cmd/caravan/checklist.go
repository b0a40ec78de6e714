package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/persist"
)

// errBlocked is for scripts: something is in the way.
var errBlocked = errors.New("something is in the way")

// checkDatabase prints what is in the way of Caravan in the database.
func checkDatabase(ctx context.Context, j *job) error {
	found, err := app.CheckDatabase(ctx, j.cfg, j.log)
	if err != nil {
		return err
	}
	write := checklistAsTable
	if j.cfg.JSON {
		write = checklistAsJSON
	}
	if err := write(j.stdout, found); err != nil {
		return err
	}
	if n := found.Count(persist.Blocks); n > 0 {
		return fmt.Errorf("%w: %d times", errBlocked, n)
	}
	return nil
}

func checklistAsJSON(w io.Writer, found persist.Checklist) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"ready": found.Count(persist.Blocks) == 0, "findings": found})
}

// checklistAsTable writes a line for each finding, and below it what to do.
func checklistAsTable(w io.Writer, found persist.Checklist) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, f := range found {
		level := string(f.Level)
		if f.Level == persist.Blocks {
			level = strings.ToUpper(level)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", level, f.About, strings.Map(printable, f.Text))
		if f.Do != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", strings.Map(printable, f.Do))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d in the way, %d to look at\n", found.Count(persist.Blocks), found.Count(persist.Look))
	return err
}
