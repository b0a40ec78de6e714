package demo_test

import (
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

// The modules of the page that need no browser: texts, links, lengths, mentions, drafts, emoji.
func TestModulesOfThePage(t *testing.T) {
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
