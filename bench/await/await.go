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

// What is asked takes a processor from what it waits for: it may be a page of metrics, or
// a program. So who has waited for long asks less often.
const (
	pollMin = 2 * time.Millisecond
	pollMax = 25 * time.Millisecond
	pollOf  = 10 // a pause is that part of the time that it took so far
)

// Until asks again and again until holds returns true.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(min(max(time.Since(begun)/pollOf, pollMin), pollMax)) {
		if time.Since(begun) > Limit {
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
