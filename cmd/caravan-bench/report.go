package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	if jsonPath == "-" {
		return writeJSON(stdout, report)
	}
	return writeFile(jsonPath, func(w io.Writer) error { return writeJSON(w, report) })
}

func writeJSON(w io.Writer, report any) error {
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// statusOf tells a wrong configuration from a run that could not be made.
func statusOf(err error) int {
	var load *bench.ConfigError
	var account *verify.ConfigError
	var usage *usageError
	if errors.As(err, &load) || errors.As(err, &account) || errors.As(err, &usage) {
		return exitUsage
	}
	return exitFault
}

// usageError is a flag that was found wrong after all were read.
type usageError struct{ err error }

// Error tells what is wrong.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap returns the reason.
func (e *usageError) Unwrap() error { return e.err }
