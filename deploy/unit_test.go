package deploy_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

// TestSystemdTakesTheUnit with the paths of the program that is built here.
func TestSystemdTakesTheUnit(t *testing.T) {
	servers.Needs(t, "systemd")
	path := write(t, t.TempDir(), "caravan.service", shipped(t, "caravan.service", "/usr/local/bin/caravan", caravan(t)))
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s: %v\n%s", filepath.Base(path), err, out)
	}
	// In tenths: 1.4 when this was written, and 9.6 without its sandbox.
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", path).CombinedOutput(); err != nil {
		t.Errorf("what the unit lets the server do: %v\n%s", err, out)
	}
}
