// Package await is how tests wait: for what another goroutine, process or machine
// does, as long as it may take on a busy machine, and not until the test binary's
// own time is over. A test that waits too long says what it waited for.
//
// All of it is called in the goroutine of the test, which it ends.
package await

import (
	"testing"
	"time"
)

// Limit is how long everything here waits. It is no measurement: what a test
// awaits comes at once on an idle machine, and later on a busy one.
const Limit = time.Minute

const poll = 2 * time.Millisecond

// Until asks again and again until holds returns true.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Limit); !holds(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", Limit, what)
		}
	}
}

// Value returns what comes out of a channel. The test fails if it is closed.
func Value[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	timer := time.NewTimer(Limit)
	defer timer.Stop()
	select {
	case value, ok := <-from:
		if !ok {
			t.Fatalf("no more will come: %s", what)
		}
		return value
	case <-timer.C:
		t.Fatalf("not within %v: %s", Limit, what)
	}
	panic("unreachable")
}

// Done waits until a channel is closed, or has a value, as that of a context.
func Done[T any](t testing.TB, what string, done <-chan T) {
	t.Helper()
	timer := time.NewTimer(Limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("not within %v: %s", Limit, what)
	}
}
