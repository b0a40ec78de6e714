package config

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// What an operator may not know is told at the start of a server: secrets that other
// users of the machine can read.

// holdsSecret says whether a value of the setting is a secret, or a URL that holds one.
func (s *setting) holdsSecret(value string) bool {
	if !s.secret || value == "" {
		return false
	}
	if s.name == "jwt-secret" {
		return true
	}
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil { // several hosts, as of a Redis Cluster
		_, rest, _ := strings.Cut(value, "://")
		credentials, _, ok := cutLast(rest, "@")
		return ok && strings.Contains(credentials, ":")
	}
	_, ok := u.User.Password()
	return ok || u.Query().Has("password")
}

func cutLast(s, at string) (before, after string, found bool) {
	if i := strings.LastIndex(s, at); i >= 0 {
		return s[:i], s[i+len(at):], true
	}
	return s, "", false
}

// exposed returns a warning for secrets on the command line, which ps shows, and one for
// each file with secrets that every user may read.
func (c *Config) exposed(flags, file map[string]given, path string) (warnings []string) {
	var shown []string
	inFile := false
	for i := range settings {
		s := &settings[i]
		if s.holdsSecret(flags[s.name].text) {
			shown = append(shown, "--"+s.name)
		}
		inFile = inFile || s.holdsSecret(file[s.name].text)
	}
	if len(shown) > 0 {
		warnings = append(warnings, strings.Join(shown, ", ")+": a secret on the command line can be read by every user of this machine (ps); put it into the environment or a file")
	}
	if inFile && readableByAll(path) {
		warnings = append(warnings, "--config: "+path+" holds secrets, and every user of this machine can read it: chmod o-r")
	}
	if c.secretFile != "" && readableByAll(c.secretFile) {
		warnings = append(warnings, "--jwt-secret-file: every user of this machine can read "+c.secretFile+": chmod o-r")
	}
	return warnings
}

// readableByAll says whether every user of the machine can read a file: its mode and
// those of the directories above it let them.
func readableByAll(path string) bool {
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return false
	}
	for bit := os.FileMode(0o004); ; bit = 0o001 {
		info, err := os.Stat(path)
		if err != nil || info.Mode()&bit == 0 {
			return false
		}
		above := filepath.Dir(path)
		if above == path {
			return true
		}
		path = above
	}
}
