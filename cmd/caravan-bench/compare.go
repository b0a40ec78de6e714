package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/caravan-chat/caravan/bench/compare"
	"github.com/caravan-chat/caravan/bench/page"
)

const compareHelp = `caravan-bench compare A B says whether the runs of B differ from those of A.

A and B are files that run --json wrote, or directories with several of them. Runs
are compared by their --name, or else by their scenario. For each figure it tells
the ratio of B to A, where the true ratio is with 95 % confidence, and whether that
shows a difference. Fewer than four runs of each show none.

Examples:
  caravan-bench compare before/ after/ --html comparison.html
  caravan-bench compare before.json after.json

Exit status: 0 compared, whatever came out; 1 there is nothing to compare; 2 wrong usage.
`

// runCompare is `caravan-bench compare`.
func runCompare(_ context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var jsonPath, htmlPath string
	var paths []string
	fs := newFlags("compare", compareHelp, stderr)
	fs.StringVar(&jsonPath, "json", "", "write the comparison as JSON to this file; - is stdout, and the text then goes to stderr")
	fs.StringVar(&htmlPath, "html", "", "write it as a page with plots to this file")
	status, err := parseWith(fs, args, stdout, func(text string) bool {
		paths = append(paths, text)
		return len(paths) <= 2
	})
	if err != nil {
		return status, err
	}
	if len(paths) != 2 {
		return exitUsage, errors.New("two files or directories are needed; see --help")
	}
	a, err := compare.Load(paths[0])
	if err != nil {
		return exitFault, err
	}
	b, err := compare.Load(paths[1])
	if err != nil {
		return exitFault, err
	}
	nameA, nameB := sideNames(paths[0], paths[1])
	c := compare.Of(nameA, nameB, a, b)
	if err := write(c, jsonPath, stdout, stderr); err != nil {
		return exitFault, err
	}
	if err := writeFile(htmlPath, func(w io.Writer) error { return page.WriteComparison(w, c) }); err != nil {
		return exitFault, err
	}
	if len(c.Workloads) == 0 {
		return exitFault, fmt.Errorf("%s and %s have no workload in common", nameA, nameB)
	}
	return exitClean, nil
}

// sideNames are what the two sides are called: the ends of their paths, or all of them where
// the ends are alike.
func sideNames(a, b string) (nameA, nameB string) {
	if nameA, nameB = filepath.Base(a), filepath.Base(b); nameA == nameB {
		return a, b
	}
	return nameA, nameB
}
