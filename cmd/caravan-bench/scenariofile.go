package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

const scenarioBytesMax = 64 << 10

// readScenario sets the flags that a file names, but for those that the command line has set.
// An empty path sets none.
func readScenario(fs *flag.FlagSet, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("--scenario-file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := parseScenario(fs, io.LimitReader(f, scenarioBytesMax)); err != nil {
		return fmt.Errorf("--scenario-file %s: %w", path, err)
	}
	return nil
}

// parseScenario reads lines such as `rate = 500`. Empty lines and those that begin with # say nothing.
func parseScenario(fs *flag.FlagSet, r io.Reader) error {
	var said []string // on the command line
	fs.Visit(func(f *flag.Flag) { said = append(said, f.Name) })
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok || !commandline.IsName(name):
			return fmt.Errorf("line %d: it must be like rate = 500", n)
		case fs.Lookup(name) == nil:
			return fmt.Errorf("line %d: %w", n, commandline.NoSuchFlag(name, names(fs)))
		case name == "scenario-file":
			return fmt.Errorf("line %d: a file cannot name another one", n)
		case slices.Contains(said, name):
			continue
		}
		if err := fs.Set(name, value); err != nil {
			return fmt.Errorf("line %d: %s: %q cannot be used: %w", n, name, value, err)
		}
	}
	return lines.Err()
}
