package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/scrape"
)

// observer watches the servers, the machine and the harness: at the moments that divide the
// run, and each second. The goroutine of Run owns it, except for ticks.
type observer struct {
	run *run

	start, joined, from, to    moment
	told                       []scrape.Metrics // what each node told at the start
	heaps                      heaps
	processesFrom, processesTo map[int]proc.Process
	ticks                      []moment // one a second; owned by watch until it is stopped
	screen                     *screen  // nil: progress are lines, or none
}

func newObserver(r *run) *observer {
	o := &observer{run: r}
	if r.cfg.Live && r.cfg.Progress != nil {
		o.screen = &screen{out: r.cfg.Progress}
	}
	return o
}

// before takes the first sample, and is where a wrong process id or admin port shows.
func (o *observer) before() error {
	for _, n := range o.run.cfg.nodes() {
		if n.PID != 0 {
			if _, err := proc.Read(n.PID); err != nil {
				return fmt.Errorf("server's process: %w", err)
			}
		}
		var told scrape.Metrics
		if n.Admin != "" {
			var err error
			if told, err = scrape.Read(context.Background(), n.Admin); err != nil {
				return err
			}
		}
		o.told = append(o.told, told)
	}
	o.heaps.told = true
	o.heaps.start = o.heap(true) // what lives, to begin with
	o.start = o.sample()
	return nil
}

func (o *observer) connected() {
	o.joined = o.sample()
	o.heaps.joined = o.heap(false)
	o.processesFrom = proc.Processes() // this takes a while, so it is not what is measured that waits
}

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
	o.heaps.to = o.heap(false)
	o.processesTo = proc.Processes()
}

// sample reads what was spent.
func (o *observer) sample() moment {
	m := moment{
		at: time.Now(), run: o.run.now(), stage: o.run.stage(), glance: o.run.gens.look(),
		machine: proc.MachineTimes(), kernel: proc.KernelMemory(),
	}
	for _, pid := range o.run.processes() {
		if pid == 0 {
			continue
		}
		s, err := o.run.readServer(pid)
		if err != nil {
			o.run.fail(fmt.Errorf("server's process: %w", err))
		}
		m.servers = append(m.servers, s)
	}
	return m
}

// scrape reads what all nodes tell, together.
func (o *observer) scrape() scrape.Metrics {
	told, err := o.ask()
	if err != nil {
		o.run.fail(err)
	}
	return told
}

func (o *observer) ask() (scrape.Metrics, error) {
	var all []scrape.Metrics
	for _, n := range o.run.cfg.nodes() {
		if n.Admin == "" {
			continue
		}
		m, err := scrape.Read(context.Background(), n.Admin)
		if err != nil {
			return scrape.Metrics{}, err
		}
		all = append(all, m)
	}
	return scrape.Together(all...), nil
}

// watch looks at everything each second, in long runs less often, and tells progress. The function
// that it returns stops it and waits.
func (o *observer) watch() func() {
	stop, done := make(chan struct{}), make(chan struct{})
	o.ticks = append(o.ticks, o.start)
	go func() {
		defer close(done)
		for {
			now := o.run.now()
			next := (now/o.run.slotNS + 1) * o.run.slotNS
			select {
			case <-stop:
				return
			case <-time.After(min(time.Duration(next-now), askPeriod)):
				if o.run.now() >= next {
					o.tick()
				} else {
					o.run.gens.look()
				}
			}
		}
	}()
	return func() {
		close(stop)
		<-done
		o.screen.end()
	}
}

// tick is one look. A node that cannot answer in time is left out of it.
func (o *observer) tick() {
	now := o.sample()
	if told, err := o.ask(); err == nil {
		now.metrics = told
	}
	last := &o.ticks[len(o.ticks)-1]
	o.ticks = append(o.ticks, now)
	o.progress(last, &now)
	o.ticks[len(o.ticks)-1].recent = nil // it was only for progress
}

// measuredReadings are the readings of the seconds that were measured whole.
func (o *observer) measuredReadings() []reading {
	var all []reading
	for i := range o.ticks {
		if o.ticks[i].stage == stageMeasure {
			all = append(all, o.ticks[i].seen)
		}
	}
	return all
}
