package main

import (
	"flag"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/page"
	"github.com/caravan-chat/caravan/cmd/caravan-bench/assert"
)

// outputs are the flags that say where a report goes, and what is asked of its figures.
type outputs struct {
	json, csv, html string
	conditions      []assert.Condition
}

func (o *outputs) register(fs *flag.FlagSet) {
	fs.StringVar(&o.json, "json", "", "write the report as JSON to this file; - is stdout, and the text then goes to stderr")
	fs.StringVar(&o.csv, "csv", "", "write what happened in each second as CSV to this file")
	fs.StringVar(&o.html, "html", "", "write the report as a page with plots to this file")
	fs.Func("assert", "conditions of the figures, such as p99<50ms,lost==0: one that does not hold makes the exit status 4. Figures: "+assert.Names(), func(text string) (err error) {
		o.conditions, err = assert.Parse(text)
		return err
	})
}

// write writes the report wherever it is wanted.
func (o *outputs) write(report *bench.Report, stdout, stderr io.Writer) error {
	if err := write(report, o.json, stdout, stderr); err != nil {
		return err
	}
	if err := writeFile(o.csv, report.WriteCSV); err != nil {
		return err
	}
	return writeFile(o.html, func(w io.Writer) error { return page.Write(w, report) })
}

// writeFile makes a file of what is written; an empty path makes none.
func writeFile(path string, content func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := content(f); err != nil {
		_ = f.Close() // the first error is told
		return err
	}
	return f.Close()
}

// isTerminal reports whether a stream is a terminal that can move its cursor.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
