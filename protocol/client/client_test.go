// Package client_test tests the modules of the JavaScript client of Caravan. The demo's tests put it beside a server.
package client_test

import (
	"bytes"
	"compress/gzip"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

var packages struct {
	once  sync.Once
	there bool
}

// installed installs the packages of package-lock.json, and reports whether npm could have them.
func installed(t *testing.T) bool {
	t.Helper()
	packages.once.Do(func() { packages.there = node.Install(t, ".") })
	return packages.there
}

// The modules alone: a clock, sockets and REST of the tests' own surround them. Their examples run in React and Vue.
func TestClientKeepsWhatTheProtocolPromises(t *testing.T) {
	t.Parallel()
	tests, err := filepath.Glob("tests/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests found", err)
	}
	if !installed(t) {
		t.Log("NOT TESTED: the examples for React and Vue")
		tests = slices.DeleteFunc(tests, func(name string) bool { return filepath.Base(name) == "examples.test.js" })
	}
	out, err := node.Command(t, append([]string{"--test"}, tests...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// tool runs a program of the packages that package-lock.json names. It returns nil where npm cannot
// have them.
func tool(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	if !installed(t) {
		t.Log("NOT TESTED: npm cannot have the packages of package-lock.json here")
		return nil
	}
	cmd := node.Command(t, append([]string{filepath.Join("node_modules", script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, stderr.Bytes())
	}
	return out
}

func TestDeclarationsCompile(t *testing.T) {
	t.Parallel()
	tool(t, "typescript/bin/tsc", "--project", ".")
}

// What a page loads of each module, bundled, minified and gzipped. The first one is what the README promises.
func TestModulesStaySmall(t *testing.T) {
	t.Parallel()
	for module, bytesMax := range map[string]int{"index.js": 6_144, "fallback.js": 2_560, "rooms.js": 2_048, "attachments.js": 3_072} {
		minified := tool(t, "esbuild/bin/esbuild", "--bundle", "--minify", "--format=esm", "--target=es2022", module)
		if minified == nil {
			return
		}
		var zipped bytes.Buffer
		w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(minified); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes minified, %d gzipped", module, len(minified), zipped.Len())
		if len(minified) < 1_000 || zipped.Len() >= bytesMax {
			t.Errorf("%s has %d bytes gzipped, and may have less than %d", module, zipped.Len(), bytesMax)
		}
	}
}
