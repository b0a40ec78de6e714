package laws

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents returns every page of the repository by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	pages := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages[strings.TrimPrefix(path, root+string(filepath.Separator))] = string(text)
		}
	}
	if len(pages) < 10 {
		t.Fatalf("%d pages found, so a test of them proves nothing", len(pages))
	}
	return pages
}

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors are the names by which a page's headings are linked to.
func anchors(page string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		text := link.ReplaceAllString(h[1], "$1")
		text = noAnchor.ReplaceAllString(strings.ToLower(text), "")
		names = append(names, strings.ReplaceAll(text, " ", "-"))
	}
	return names
}

// A page may point at files and headings that exist only.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	pages := documents(t)
	headings := make(map[string][]string)
	for path, page := range pages {
		headings[path] = anchors(page)
	}
	for path, page := range pages {
		for _, l := range linked.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(l[1], "#")
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(filepath.Join("..", "..", file)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, l[1])
				continue
			}
			if to, isPage := headings[file]; isPage && anchor != "" && !slices.Contains(to, anchor) {
				t.Errorf("%s links to %s, and there is no such heading", path, l[1])
			}
		}
	}
}

// Every package's directory that a page names in code, such as `room/socket`, exists.
func TestDocumentsNamePackagesThatExist(t *testing.T) {
	tops := []string{"bench", "cmd", "migrations", "netpoll", "persist", "protocol", "room"}
	named := regexp.MustCompile("`((?:" + strings.Join(tops, "|") + ")/[a-z/-]+[a-z])`")
	for path, page := range documents(t) {
		if path == "CHANGELOG.md" {
			continue // tells of what was
		}
		for _, n := range named.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join("..", "..", n[1])); err != nil {
				t.Errorf("%s names %s, which is not there", path, n[1])
			}
		}
	}
}
