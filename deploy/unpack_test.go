package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

func must(t *testing.T, name string, args ...string) (output string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestTheArchiveLeavesTheHostAsItIs: Debian's /lib is a link, without which no program starts,
// and the settings of a former release are the operator's.
func TestTheArchiveLeavesTheHostAsItIs(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "dpkg-deb")
	dist, host := distribute(t, "v1.2.0"), t.TempDir()
	for _, dir := range []string{"usr/lib", "usr/bin", "etc/caravan"} {
		if err := os.MkdirAll(filepath.Join(host, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"lib", "bin"} {
		if err := os.Symlink("usr/"+name, filepath.Join(host, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"etc/caravan/caravan.conf", "etc/caravan/caravan.env"} {
		write(t, host, name, "the operator's")
	}
	archives, err := filepath.Glob(dist + "/*.tar.gz")
	if err != nil || len(archives) != 1 {
		t.Fatalf("%v, %v", archives, err)
	}
	must(t, "tar", "-C", host, "-xzf", archives[0])
	for _, name := range []string{"lib", "bin"} {
		if to, err := os.Readlink(filepath.Join(host, name)); err != nil || to != "usr/"+name {
			t.Errorf("/%s is no link any more: %v", name, err)
		}
	}
	for _, name := range []string{"etc/caravan/caravan.conf", "etc/caravan/caravan.env"} {
		if text := shipped(t, filepath.Join(host, name)); text != "the operator's" {
			t.Errorf("/%s was overwritten: %s", name, text)
		}
	}
	for _, dir := range []string{"usr", "usr/lib", "etc/caravan"} {
		if info, err := os.Stat(filepath.Join(host, dir)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("/%s has the archive's rights: %v, %v", dir, info, err)
		}
	}
	unit := shipped(t, filepath.Join(host, "usr/lib/systemd/system/caravan.service"))
	if !strings.Contains(unit, "ExecStart=/usr/bin/caravan serve --config /etc/caravan/caravan.conf\n") {
		t.Errorf("the unit is\n%s", unit)
	}
}

// TestThePackageKeepsSettingsAndEndsServers: settings are a conffile below /etc, the unit is
// where /lib leads, and its scripts are ones that a shell reads.
func TestThePackageKeepsSettingsAndEndsServers(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "dpkg-deb")
	dist, into := distribute(t, "v1.2.0"), t.TempDir()
	packages, err := filepath.Glob(dist + "/*.deb")
	if err != nil || len(packages) != 1 {
		t.Fatalf("%v, %v", packages, err)
	}
	must(t, "dpkg-deb", "-R", packages[0], into)
	if conffiles := shipped(t, into+"/DEBIAN/conffiles"); conffiles != "/etc/caravan/caravan.conf\n" {
		t.Errorf("what an upgrade keeps: %q", conffiles)
	}
	if files := must(t, "dpkg-deb", "-c", packages[0]); strings.Contains(files, " ./lib/") || !strings.Contains(files, "-rw------- root/root") {
		t.Errorf("the package holds\n%s", files)
	}
	for script, want := range map[string]string{"postinst": "systemctl try-restart caravan", "prerm": "systemctl disable --now caravan", "postrm": "systemctl daemon-reload"} {
		must(t, "sh", "-n", into+"/DEBIAN/"+script)
		if !strings.Contains(shipped(t, into+"/DEBIAN/"+script), want) {
			t.Errorf("%s does not %s", script, want)
		}
	}
}
