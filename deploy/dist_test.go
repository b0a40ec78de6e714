package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

// distribute runs dist.sh on this repository's files and a program that is small, and returns
// the directory with what it made.
func distribute(t *testing.T, versions ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, step := range [][]string{
		{"cp", "-r", "../deploy", "../docs", "../LICENSE", "../CHANGELOG.md", "../migrations", root},
		{"mkdir", root + "/bin"},
	} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	program := write(t, root, "bin/caravan", "#!/bin/sh\necho the program\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, version := range versions {
		if out, err := exec.Command(root+"/deploy/dist.sh", version).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return root + "/dist"
}

// TestWhatIsReleased: the package and, but for settings, the archive hold the same files, with the rights that they need,
// and Debian orders their versions as they were made.
func TestWhatIsReleased(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "dpkg-deb")
	dist := distribute(t, "v1.2.0-rc1", "v1.2.0", "v1.2.0-3-gabcdef1-dirty", "abcdef1")
	one := func(pattern string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		return found[0]
	}
	out := func(name string, args ...string) string {
		t.Helper()
		text, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, text)
		}
		return string(text)
	}
	var versions []string
	for _, pattern := range []string{"caravan_0*abcdef1_*.deb", "caravan_1.2.0~rc1_*.deb", "caravan_1.2.0_*.deb", "caravan_1.2.0+3*_*.deb"} {
		versions = append(versions, strings.TrimSpace(out("dpkg-deb", "-f", one(pattern), "Version")))
	}
	for i := range versions[1:] {
		out("dpkg", "--compare-versions", versions[i], "lt", versions[i+1])
	}
	deb := one("caravan_1.2.0_*.deb")
	if control := out("dpkg-deb", "-f", deb); !strings.Contains(control, "Package: caravan\n") || !strings.Contains(control, "Architecture: ") || strings.Contains(control, "Depends:") {
		t.Errorf("the package says\n%s", control)
	}
	files := out("dpkg-deb", "-c", deb)
	for _, want := range []string{
		"-rwxr-xr-x root/root ./usr/bin/caravan", "-rw-r--r-- root/root ./usr/lib/systemd/system/caravan.service", "-rw------- root/root ./etc/caravan/caravan.conf",
		"-rw-r--r-- root/root ./usr/share/doc/caravan/nginx.conf", "-rw-r--r-- root/root ./usr/share/doc/caravan/deploy.md",
		"-rw-r--r-- root/root ./usr/share/doc/caravan/prometheus/alerts.yml", "-rw-r--r-- root/root ./usr/share/doc/caravan/kubernetes/deployment.yaml",
		"-rw-r--r-- root/root ./usr/share/doc/caravan/undo/postgres.sql",
	} {
		fields := strings.Fields(want)
		if !slices.ContainsFunc(strings.Split(files, "\n"), func(line string) bool {
			return strings.HasPrefix(line, fields[0]+" "+fields[1]) && strings.HasSuffix(line, " "+fields[2])
		}) {
			t.Errorf("the package has no %s in\n%s", want, files)
		}
	}
	into := t.TempDir()
	out("dpkg-deb", "-R", deb, into)
	conffiles, err := os.ReadFile(filepath.Join(into, "DEBIAN", "conffiles"))
	if err != nil || string(conffiles) != "/etc/caravan/caravan.conf\n" {
		t.Errorf("settings that an upgrade keeps: %q, %v", conffiles, err)
	}
	linksLead(t, filepath.Join(into, "usr/share/doc/caravan"))
	unit, err := os.ReadFile(filepath.Join(into, "usr/lib/systemd/system/caravan.service"))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/bin/caravan serve") {
		t.Errorf("the unit starts another program: %v\n%s", err, unit)
	}
	names := func(list string) (all []string) {
		for line := range strings.Lines(list) {
			if fields := strings.Fields(line); !strings.HasSuffix(line, "/\n") {
				all = append(all, strings.TrimPrefix(fields[len(fields)-1], "./"))
			}
		}
		slices.Sort(all)
		return all
	}
	// The archive has no settings: it is unpacked over those of the operator.
	archived := out("tar", "-tzf", one("caravan_1.2.0_*.tar.gz")) + "etc/caravan/caravan.conf\n"
	if packed, archived := names(files), names(archived); !slices.Equal(packed, archived) {
		t.Errorf("the package has %v, the archive %v", packed, archived)
	}
}

// linksLead checks the pages of a package: each link leads to what is there, or to the web.
func linksLead(t *testing.T, dir string) {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	link := regexp.MustCompile(`\]\(([^)\s#]+)[^)\s]*\)`)
	for _, page := range pages {
		for _, l := range link.FindAllStringSubmatch(shipped(t, page), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, l[1])); err != nil {
				t.Errorf("%s leads to %s", filepath.Base(page), l[1])
			}
		}
	}
}
