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
)

// filesDir is where the servers keep what members upload: one directory for all.
func (s *Stage) filesDir() string { return filepath.Join(s.dir, "files") }

func (s *Stage) filesURL() string { return "file:" + s.filesDir() }

// CheckFiles returns where the bytes of files and their rows do not agree, as the operator's
// command says it. Nothing may be uploaded any more.
func (s *Stage) CheckFiles(ctx context.Context) (lines []string, err error) {
	if err := age(s.filesDir()); err != nil {
		return nil, err
	}
	check := exec.CommandContext(ctx, s.binary, "attachments", "check", "--database", s.database.url(), "--attachments", s.filesURL())
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
