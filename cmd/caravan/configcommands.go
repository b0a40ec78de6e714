package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// checkConfig says that the settings are good; where they are not, it is not called.
func checkConfig(_ context.Context, j *job) error {
	_, err := fmt.Fprintln(j.stdout, "the settings are good")
	return err
}

func printConfig(_ context.Context, j *job) error { return showConfig(j.stdout, j.cfg) }

// showConfig writes a line for each setting.
func showConfig(w io.Writer, cfg *config.Config) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
	for _, e := range cfg.Effective() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.Name, e.Value, e.From)
	}
	return table.Flush()
}
