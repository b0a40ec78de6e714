// Package client_test tests the modules of the JavaScript client of Caravan. The demo's tests put it beside a server.
package client_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

// The modules alone: a clock, sockets and REST of the tests' own surround them.
func TestClientKeepsWhatTheProtocolPromises(t *testing.T) {
	t.Parallel()
	tests, err := filepath.Glob("tests/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests found", err)
	}
	out, err := node.Command(t, append([]string{"--test"}, tests...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// coreBytesMax bounds the modules of `.` without comments and indentation, gzipped. A minifier makes a quarter less of it.
const coreBytesMax = 9_000

func TestCoreStaysSmall(t *testing.T) {
	t.Parallel()
	imported := regexp.MustCompile(`from '\./([a-z]+\.js)'`)
	comments := regexp.MustCompile(`(?s:/\*\*.*?\*/)|(?m:(^| )// .*$)`)
	var all bytes.Buffer
	seen := map[string]bool{}
	for next := []string{"index.js"}; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		text, err := os.ReadFile(next[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imported.FindAllSubmatch(text, -1) {
			next = append(next, string(m[1]))
		}
		for line := range strings.Lines(comments.ReplaceAllString(string(text), "")) {
			if line = strings.TrimSpace(line); line != "" {
				all.WriteString(line + "\n")
			}
		}
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules, %d bytes, %d gzipped", len(seen), all.Len(), zipped.Len())
	if len(seen) < 5 || zipped.Len() > coreBytesMax {
		t.Errorf("%d modules have %d bytes gzipped, more than %d", len(seen), zipped.Len(), coreBytesMax)
	}
}
