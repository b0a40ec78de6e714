package main

import (
	"context"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
)

// availableLeast is how much memory the machine must have left: with less the kernel begins to end
// processes, which nobody could explain afterwards.
const availableLeast = 384 << 20

// watchMachine ends it all when the machine cannot carry it, and notes why.
func (p *millionPlay) watchMachine(ctx context.Context, cancel func()) {
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				p.gave(fmt.Errorf("time: it was to end within %v", p.timeMax))
			}
			return
		case err := <-p.stage.Fell():
			p.gave(err)
			cancel()
			return
		case <-clock.C:
			left := proc.AvailableMemory()
			p.lowestMemory(left)
			if left > 0 && left < availableLeast {
				p.gave(fmt.Errorf("memory: %d MiB are left", left>>20))
				cancel()
				return
			}
		}
	}
}

func (p *millionPlay) lowestMemory(left int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rep.MemoryLeft == 0 || left < p.rep.MemoryLeft {
		p.rep.MemoryLeft = left
	}
}

// gave notes what gave, and says what gave first.
func (p *millionPlay) gave(err error) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" && err != nil {
		p.cause = err.Error()
	}
	return p.cause
}

// millionSpent is what the parts had spent and held at a moment.
type millionSpent struct {
	Nodes    partSpent `json:"nodes"`
	Agents   partSpent `json:"agents"`
	Postgres partSpent `json:"postgres"`
	Redis    partSpent `json:"redis"`
}

// partSpent is of all processes of a part that live.
type partSpent struct {
	Processes int     `json:"processes"`
	CPUS      float64 `json:"cpu_s"`
	RSSBytes  int64   `json:"rss_bytes"`
	AnonBytes int64   `json:"anon_bytes"` // what is in no file and not shared
}

// spent looks at all processes that were not there before.
func (p *millionPlay) spent() (s millionSpent) {
	nodes := map[int]bool{}
	for _, n := range p.stage.Servers() {
		nodes[n.PID] = true
	}
	for pid, process := range proc.Processes() {
		if _, old := p.before[pid]; old {
			continue
		}
		var into *partSpent
		switch {
		case nodes[pid]:
			into = &s.Nodes
		case process.Name == "postgres":
			into = &s.Postgres
		case process.Name == "redis-server":
			into = &s.Redis
		case process.Name == "caravan-bench":
			into = &s.Agents
		default:
			continue
		}
		held, err := proc.Read(pid)
		if err != nil {
			continue // it has ended
		}
		into.Processes++
		into.CPUS += process.CPU().Seconds()
		into.RSSBytes += held.RSS
		into.AnonBytes += held.Anon
	}
	return s
}
