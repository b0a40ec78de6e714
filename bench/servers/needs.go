// Package servers is about the servers that tests put up for themselves: those of
// the packages below it.
package servers

import "testing"

// Needs leaves a test out where tests are to need no service (go test -short, which
// is what `make unit` runs). Everything that starts a service for a test calls it, so
// that tests need not say what they need. It is the only place that leaves out tests.
func Needs(t testing.TB, service string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("it needs %s: `make test` runs it", service)
	}
}
