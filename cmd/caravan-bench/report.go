package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/verify"
)

// defaultURL is where `caravan serve` listens by default.
const defaultURL = "ws://127.0.0.1:8000"

// texter is a report that people can read.
type texter interface{ WriteText(w io.Writer) error }

// write writes a report where it is wanted: as text, and as JSON to a file, or
// to stdout where that is "-".
func write(report texter, jsonPath string, stdout, stderr io.Writer) error {
	text := stdout
	if jsonPath == "-" {
		text = stderr
	}
	if err := report.WriteText(text); err != nil {
		return err
	}
	if jsonPath == "" {
		return nil
	}
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	b = append(b, '\n')
	if jsonPath == "-" {
		_, err = stdout.Write(b)
		return err
	}
	return os.WriteFile(jsonPath, b, 0o644)
}

// statusOf tells a wrong configuration from a run that could not be made.
func statusOf(err error) int {
	var load *bench.ConfigError
	var account *verify.ConfigError
	if errors.As(err, &load) || errors.As(err, &account) {
		return exitUsage
	}
	return exitFault
}
