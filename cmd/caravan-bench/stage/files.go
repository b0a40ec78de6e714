package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
)

// Files is where the servers keep what members upload.
type Files string

// The kinds of Files.
const (
	DiskFiles Files = "disk" // one directory of all servers
	S3Files   Files = "s3"   // a bucket of a server of its own, which breaks
)

// files is the store of files, as a part that breaks.
type files interface {
	urlOf(node int) (string, error)
	url() string       // for one who stands outside of the network
	dir() string       // has the bytes
	environ() []string // of who uses it
	faults() []chaos.Fault
	logTail() string // empty: it keeps no log
	close() error
}

// openFiles puts up the store of files.
func (s *Stage) openFiles(cfg *Config) (err error) {
	if cfg.Files != S3Files {
		s.files = diskFiles(filepath.Join(s.dir, "files"))
		return nil
	}
	s.files, err = openBucket(&s.network)
	return err
}

// diskFiles is a directory, which is the path of.
type diskFiles string

func (d diskFiles) urlOf(int) (string, error) { return d.url(), nil }
func (d diskFiles) url() string               { return "file:" + d.dir() }
func (d diskFiles) dir() string               { return string(d) }
func (d diskFiles) environ() []string         { return nil }
func (d diskFiles) faults() []chaos.Fault     { return nil }
func (d diskFiles) logTail() string           { return "" }
func (d diskFiles) close() error              { return nil }

// CheckFiles returns where the bytes of files and their rows do not agree, as the operator's
// command says it. Nothing may be uploaded any more.
func (s *Stage) CheckFiles(ctx context.Context) (lines []string, err error) {
	if err := age(s.files.dir()); err != nil {
		return nil, err
	}
	check := exec.CommandContext(ctx, s.binary, "attachments", "check", "--database", s.database.url(), "--attachments", s.files.url())
	check.Env = append(os.Environ(), s.files.environ()...)
	var errs bytes.Buffer
	check.Stderr = &errs
	out, err := check.Output()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "no ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if err != nil && len(lines) == 0 {
		return nil, fmt.Errorf("%s attachments check: %w\n%s", s.binary, err, errs.Bytes())
	}
	return lines, nil
}

// age makes files look old: the check leaves young ones alone, as their rows may be on their way.
func age(dir string) error {
	then := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			err = os.Chtimes(path, then, then)
		}
		if errors.Is(err, fs.ErrNotExist) { // a server has just deleted it
			err = nil
		}
		return err
	})
	return err
}
