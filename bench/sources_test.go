package bench

import "testing"

// TestPortsAreFoundAtOnce where the harness has addresses enough; elsewhere there is one.
func TestPortsAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]int{"ws://127.0.0.1:1": 2, "ws://localhost:1": 2, "ws://[::1]:1": 1, "ws://192.0.2.1:1": 1} {
		c := Config{URL: url}
		if n := c.sourcesFor(quickPortsPerSource + 1); n != want {
			t.Errorf("%s: %d addresses", url, n)
		}
		if n := c.sourcesFor(quickPortsPerSource); n != 1 {
			t.Errorf("%s: %d addresses for fewer", url, n)
		}
	}
}
