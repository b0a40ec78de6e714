package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// hangUps returns where SIGHUP goes from now on: it never ends the process.
func hangUps() chan os.Signal {
	signals := make(chan os.Signal, 1) // several that come together are one wish
	signal.Notify(signals, syscall.SIGHUP)
	return signals
}

// reloads has the server take over its settings at each SIGHUP. The function that it
// returns ends that.
func (j *job) reloads(ctx context.Context, a *app.App) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-j.hangUps:
				j.reload(ctx, a)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// reload reads the settings again. What is wrong changes nothing.
func (j *job) reload(ctx context.Context, a *app.App) {
	cfg, warnings, err := config.Load(config.Serve, j.args, j.environ)
	var taken, left []string
	if err == nil {
		for _, w := range warnings {
			j.log.Warn(w)
		}
		taken, left, err = a.Reload(ctx, cfg)
	}
	a.Reloaded(err == nil)
	if err != nil {
		j.log.Error("reload: the settings stay as they are", "error", err)
		return
	}
	j.level.Set(min(cfg.LogLevel, j.level.Level())) // so that what follows is told if it counts at either
	if !cfg.FromFiles() {
		j.log.Warn("reload: nothing can change: no --config and no file of keys was given, and a process keeps the variables of its start")
	}
	if len(left) > 0 {
		j.log.Warn("reload: these settings need a restart", "settings", flags(left))
	}
	j.log.Info("reload: done", "changed", cmp.Or(flags(taken), "nothing"))
	j.level.Set(cfg.LogLevel)
}

func flags(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = "--" + name
	}
	return strings.Join(list, " ")
}
