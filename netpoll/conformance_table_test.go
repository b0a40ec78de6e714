package netpoll_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of clauses names tests. Each must exist, and each test of a clause
// must be in the table.
func TestConformanceTableNamesRealTests(t *testing.T) {
	table, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(table, -1) {
		named[string(m[1])] = true
	}
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	clause := regexp.MustCompile(`^(Fuzz|TestSection|TestRFC|TestConformance)`)
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range declaration.FindAllSubmatch(source, -1) {
			name := string(m[1])
			if clause.MatchString(name) && !named[name] {
				t.Errorf("%s of %s is not in the table", name, path)
			}
			delete(named, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range named {
		t.Errorf("%s is in the table, but is no test", name)
	}
}
