package main

import (
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// checkConfig says that the settings are good; where they are not, it is not called.
func checkConfig(_ context.Context, j *job) error {
	_, err := fmt.Fprintln(j.stdout, "the settings are good")
	return err
}

func printConfig(_ context.Context, j *job) error { return showConfig(j.stdout, j.cfg) }

// valueWidthMax is how wide the column of values gets, in characters: one long value must not
// move the origins of all settings out of sight.
const valueWidthMax = 45

// showConfig writes a line for each setting.
func showConfig(w io.Writer, cfg *config.Config) error {
	list := append([]config.Effective{{Name: "SETTING", Value: "VALUE", From: "FROM"}}, cfg.Effective()...)
	names, values := 0, 0
	for _, e := range list {
		names = max(names, len(e.Name))
		values = max(values, min(utf8.RuneCountInString(e.Value), valueWidthMax))
	}
	for _, e := range list {
		if _, err := fmt.Fprintf(w, "%-*s   %-*s   %s\n", names, e.Name, values, e.Value, e.From); err != nil {
			return err
		}
	}
	return nil
}
