package app

import (
	"fmt"
	"os"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// TestNodesOfOneMachineHaveNamesOfTheirOwn: `caravan status` lists them beside each other.
func TestNodesOfOneMachineHaveNamesOfTheirOwn(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  config.Config
		want string
	}{
		{config.Config{Listen: ":8000"}, machine + ":8000"},
		{config.Config{Listen: "0.0.0.0:8000"}, machine + ":8000"},
		{config.Config{Listen: "127.0.0.2:8000"}, machine + "/127.0.0.2:8000"},
		{config.Config{Listen: "[::1]:8000"}, machine + "/[::1]:8000"},
		{config.Config{Listen: "localhost:8000"}, machine + "/localhost:8000"},
		{config.Config{Listen: ":8000", ReusePort: true}, fmt.Sprintf("%s:8000 (process %d)", machine, os.Getpid())},
	} {
		if got := nodeName(&c.cfg); got != c.want {
			t.Errorf("%q: %s, want %s", c.cfg.Listen, got, c.want)
		}
	}
}
