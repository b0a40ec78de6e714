package compare

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caravan-chat/caravan/bench"
)

// Load reads the runs of a file that --json wrote, or of a directory with several of them.
func Load(path string) ([]*bench.Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		rep, err := read(path)
		if err != nil {
			return nil, err
		}
		return []*bench.Report{rep}, nil
	}
	var all []*bench.Report
	err = filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		if rep, err := read(path); err == nil { // another program's file
			all = append(all, rep)
		}
		return nil
	})
	if err == nil && all == nil {
		err = fmt.Errorf("%s holds no report: --json of caravan-bench run writes them", path)
	}
	return all, err
}

// bytesMax is much more than an hour of a run.
const bytesMax = 256 << 20

func read(path string) (*bench.Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > bytesMax {
		return nil, fmt.Errorf("%s is too large to be a report", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rep := new(bench.Report)
	if err := json.Unmarshal(b, rep); err != nil {
		return nil, fmt.Errorf("%s is no report of caravan-bench run: %w", path, err)
	}
	if rep.Scenario == "" {
		return nil, fmt.Errorf("%s is no report of caravan-bench run", path)
	}
	if rep.Name == "" { // of an older version
		rep.Name = string(rep.Scenario)
	}
	return rep, nil
}
