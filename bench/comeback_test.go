package bench

import (
	"testing"
	"time"
)

// Who is not let in tries again soon, for a second, and then less and less often.
func TestWhoIsNotLetInBecomesPatient(t *testing.T) {
	var c conn
	var waited time.Duration
	for range patientTries {
		waited += c.pause()
	}
	if waited != time.Second {
		t.Errorf("the first %d tries take %v", patientTries, waited)
	}
	for _, want := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond, 3200 * time.Millisecond, failedPauseMax, failedPauseMax} {
		if is := c.pause(); is != want {
			t.Errorf("it waits %v, want %v", is, want)
		}
	}
	for range 1000 {
		if is := c.pause(); is != failedPauseMax {
			t.Fatalf("it waits %v", is)
		}
	}
}
