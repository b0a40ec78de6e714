package laws

import (
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
	found := 0
	for path, text := range documents(t) {
		for _, name := range named.FindAllStringSubmatch(text, -1) {
			if found++; !exists[name[1]] {
				t.Errorf("%s names %s, which does not exist", path, name[1])
			}
		}
	}
	if found == 0 {
		t.Error("no document names a test, so this test proves nothing")
	}
}
