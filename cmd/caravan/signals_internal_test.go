package main

import (
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneWishMayComeAsSeveralSignals(t *testing.T) {
	const at = time.Millisecond
	for _, c := range []struct {
		name  string
		after []time.Duration // the first signal
		ends  time.Duration   // after the first signal; 0: never
	}{
		{"one", nil, 0},
		{"two at once", []time.Duration{0}, 0},
		{"two within a millisecond", []time.Duration{at}, 0},
		{"many within a second", []time.Duration{at, 2 * at, 300 * at, 999 * at, 1000 * at}, 0},
		{"one more, later", []time.Duration{1001 * at}, 1001 * at},
		{"two at once, one later", []time.Duration{0, 5000 * at}, 5000 * at},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				begun := time.Now()
				var stopped bool
				var ended time.Duration
				done := make(chan struct{})
				go func() {
					defer close(done)
					obey(t.Context(), signals, slog.New(slog.DiscardHandler), func() { stopped = true }, func() { ended = time.Since(begun) })
				}()
				signals <- syscall.SIGTERM
				synctest.Wait()
				for _, after := range c.after {
					time.Sleep(after - time.Since(begun))
					signals <- syscall.SIGTERM
					synctest.Wait()
				}
				if !stopped || ended != c.ends {
					t.Errorf("stopped: %v; ended after %v, want %v", stopped, ended, c.ends)
				}
				if c.ends == 0 {
					close(signals)
				}
				<-done
			})
		})
	}
}
