package laws

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A document that says which test guards a promise must name one that exists.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	exists := map[string]bool{}
	sources(t, func(_ string, text []byte) {
		for _, name := range declared.FindAllSubmatch(text, -1) {
			exists[string(name[1])] = true
		}
	})
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`")
	documents, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllSubmatch(text, -1) {
			if found++; !exists[string(name[1])] {
				t.Errorf("%s names %s, which does not exist", path, name[1])
			}
		}
	}
	if found == 0 {
		t.Error("no document names a test, so this test proves nothing")
	}
}
