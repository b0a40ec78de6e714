package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/scrape"
)

// moment is what was spent up to one moment of the run.
type moment struct {
	at      time.Time
	server  proc.Sample    // zero where the server's process is not known
	metrics scrape.Metrics // empty where the admin port is not known
	self    time.Duration
	machine proc.Times
	seen    reading // what the workers had seen by then
}

// observer watches the server, the machine and the harness at the moments that
// divide the run. The goroutine of Run owns it, except for seconds.
type observer struct {
	run *run

	start, joined, from, to moment
	seconds                 []reading // one a second while it is measured; owned by watch until it is stopped
}

func newObserver(r *run) *observer { return &observer{run: r} }

// before takes the first sample, and is where a wrong process id or admin port shows.
func (o *observer) before() error {
	if o.run.cfg.ServerPID != 0 {
		if _, err := proc.Read(o.run.cfg.ServerPID); err != nil {
			return fmt.Errorf("server's process: %w", err)
		}
	}
	if o.run.cfg.Admin != "" {
		if _, err := scrape.Read(context.Background(), o.run.cfg.Admin); err != nil {
			return err
		}
	}
	o.start = o.sample()
	return nil
}

func (o *observer) connected() { o.joined = o.sample() }

// measureFrom and measureTo read the metrics outside of what is measured,
// because that costs the server time.
func (o *observer) measureFrom() {
	counted := o.scrape()
	o.from = o.sample()
	o.from.metrics = counted
}

func (o *observer) measureTo() {
	o.to = o.sample()
	o.to.metrics = o.scrape()
}

// sample reads what was spent.
func (o *observer) sample() moment {
	m := moment{at: time.Now(), seen: o.run.read(), self: proc.Self(), machine: proc.MachineTimes()}
	if pid := o.run.cfg.ServerPID; pid != 0 {
		s, err := proc.Read(pid)
		if err != nil {
			o.run.fail(fmt.Errorf("server's process: %w", err))
		}
		m.server = s
	}
	return m
}

func (o *observer) scrape() scrape.Metrics {
	if o.run.cfg.Admin == "" {
		return scrape.Metrics{}
	}
	m, err := scrape.Read(context.Background(), o.run.cfg.Admin)
	if err != nil {
		o.run.fail(err)
	}
	return m
}

// watch tells progress each second, and keeps each second's reading. The
// function that it returns stops it and waits.
func (o *observer) watch() func() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		last := o.run.read()
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
				now := o.run.read()
				o.progress(last, now)
				if o.run.plan.Load().measures(o.run.now()) {
					o.seconds = append(o.seconds, now)
				}
				last = now
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

func (o *observer) progress(last, now reading) {
	if o.run.cfg.Progress == nil {
		return
	}
	line := fmt.Sprintf("%5.0fs  %-9s %6d connected", time.Since(o.run.began).Seconds(), o.run.stage(), now.ready-now.dropped)
	if now.sent > 0 {
		line += fmt.Sprintf("  %8d sent/s %8d acked/s %9d deliveries/s  %d in flight", now.sent-last.sent, now.acked-last.acked, now.received-last.received, now.outstanding)
	}
	if now.refused > 0 {
		line += fmt.Sprintf("  %d refused", now.refused)
	}
	if now.faults > 0 || now.dropped > 0 {
		line += fmt.Sprintf("  %d FAULTS  %d dropped", now.faults, now.dropped)
	}
	_, _ = fmt.Fprintln(o.run.cfg.Progress, line) // progress is for people; a run goes on without
}

// stage names where the run is, for the progress line.
func (r *run) stage() string {
	pl, now := r.plan.Load(), r.now()
	switch {
	case pl == nil:
		return "connect"
	case now < pl.measureFrom:
		return "warm-up"
	case now < pl.end:
		return "measure"
	}
	return "drain"
}
