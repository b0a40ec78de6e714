package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// insistAfter is when a second signal counts. A terminal, or a manager that signals
// the process and its group, sends one wish as several signals.
const insistAfter = time.Second

// failedWritesAreErrors makes a write that fails return an error instead of ending
// the process: one over the limit of file sizes, or to a stdout or stderr whose
// reader went away.
func failedWritesAreErrors() { signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE) }

// untilSignal returns a context that ends with the first SIGTERM or SIGINT. One
// that comes more than a second later ends the process at once.
func untilSignal(log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go obey(ctx, signals, log, cancel, func() { os.Exit(exitFailed) })
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// obey stops the process at the first signal and ends it at one that insists. It
// returns without a signal when ctx ends.
func obey(ctx context.Context, signals <-chan os.Signal, log *slog.Logger, stop, end func()) {
	var first time.Time
	select {
	case s := <-signals:
		first = time.Now()
		stop()
		log.Info("stopping; another signal, more than a second later, ends the process at once", "signal", s.String())
	case <-ctx.Done():
		return
	}
	for s := range signals {
		if time.Since(first) > insistAfter {
			log.Error("ended without draining", "signal", s.String())
			end()
			return
		}
	}
}
