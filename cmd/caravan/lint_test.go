package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lintWith runs a script of .ci with a go that does what the shell text says.
func lintWith(t *testing.T, script, goDoes string) (out string, ok bool) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+goDoes+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("../../.ci", script))
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// TestLintKnowsLicences hands in modules with licences of all kinds.
func TestLintKnowsLicences(t *testing.T) {
	const mit = "MIT License\n\nPermission is hereby granted,\nfree of charge, to any person"
	for name, c := range map[string]struct {
		files map[string]string
		good  bool
	}{
		"MIT":                  {map[string]string{"LICENSE": mit}, true},
		"British spelling":     {map[string]string{"LICENCE.md": mit}, true},
		"Apache":               {map[string]string{"LICENSE.txt": "   Apache License\n Version 2.0, January 2004"}, true},
		"BSD":                  {map[string]string{"COPYING": "Redistribution and use in source and\nbinary forms, with or without"}, true},
		"ISC":                  {map[string]string{"LICENSE": "Permission to use, copy, modify, and distribute this software"}, true},
		"none":                 {map[string]string{"README": mit}, false},
		"unknown":              {map[string]string{"LICENSE": "You may look at this."}, false},
		"GPL":                  {map[string]string{"LICENSE": "GNU GENERAL PUBLIC LICENSE\nVersion 3"}, false},
		"AGPL":                 {map[string]string{"COPYING": "GNU AFFERO GENERAL PUBLIC\nLICENSE"}, false},
		"MPL":                  {map[string]string{"LICENSE": "Mozilla Public License Version 2.0"}, false},
		"MIT and the GPL":      {map[string]string{"LICENSE": mit, "LICENSE-GPL": "GNU General Public License"}, false},
		"MIT with a condition": {map[string]string{"LICENSE": "\"Commons Clause\" License Condition v1.0 " + mit}, false},
		"business source":      {map[string]string{"LICENSE": "Business Source License 1.1"}, false},
	} {
		dir := filepath.Join(t.TempDir(), "a module")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, ok := lintWith(t, "licences", "echo 'example.com/module "+dir+"'")
		if ok != c.good || (!ok && !strings.Contains(out, "example.com/module")) {
			t.Errorf("%s: good %v, want %v\n%s", name, ok, c.good, out)
		}
	}
	if out, ok := lintWith(t, "licences", "exit 1"); ok {
		t.Errorf("a list of modules that cannot be had is good: %s", out)
	}
}

// TestLintSaysWhereVulnerabilitiesCannotBeLookedUp and fails where there are some.
func TestLintSaysWhereVulnerabilitiesCannotBeLookedUp(t *testing.T) {
	for name, c := range map[string]struct {
		goDoes string
		good   bool
		says   string
	}{
		"none":                  {"exit 0", true, ""},
		"some":                  {"echo 'Vulnerability #1: GO-2026-0001'; exit 3", false, "GO-2026-0001"},
		"no network":            {`echo 'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev": no such host' >&2; exit 1`, true, "NOT CHECKED"},
		"a network that hangs":  {"exit 124", true, "NOT CHECKED"}, // what timeout ends with
		"a tool that is broken": {"echo 'go: no such tool' >&2; exit 2", false, "no such tool"},
	} {
		if out, ok := lintWith(t, "vulnerabilities", c.goDoes); ok != c.good || !strings.Contains(out, c.says) || (c.says == "" && out != "") {
			t.Errorf("%s: good %v, want %v\n%s", name, ok, c.good, out)
		}
	}
}
