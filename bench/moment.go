package bench

import (
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/scrape"
)

// moment is what was spent up to one moment of the run.
type moment struct {
	at      time.Time
	run     int64          // the same, in ns since the run began
	stage   string         // of the run, from then on
	servers []proc.Sample  // of each node; empty where their processes are not known
	metrics scrape.Metrics // of all nodes together; empty where their admin ports are not known
	self    time.Duration
	slept   []int64 // ns that each worker has waited
	machine proc.Times
	kernel  proc.Kernel
	seen    reading // what the workers had seen by then
}

func (m *moment) since(earlier *moment) time.Duration { return m.at.Sub(earlier.at) }

// serverCPU is what the servers spent since an earlier moment.
func (m *moment) serverCPU(earlier *moment) (spent time.Duration) {
	for i := range m.servers {
		if i < len(earlier.servers) {
			spent += m.servers[i].Since(earlier.servers[i])
		}
	}
	return spent
}

// serverSplit is the same in user space and in the kernel, to 10 ms.
func (m *moment) serverSplit(earlier *moment) (user, system time.Duration) {
	for i := range m.servers {
		user += m.servers[i].User - earlier.servers[i].User
		system += m.servers[i].System - earlier.servers[i].System
	}
	return user, system
}

func (m *moment) rss() (bytes int64) {
	for i := range m.servers {
		bytes += m.servers[i].RSS
	}
	return bytes
}

func (m *moment) anon() (bytes int64) {
	for i := range m.servers {
		bytes += m.servers[i].Anon
	}
	return bytes
}

// busiest is the share of the time since an earlier moment in which the worker that waited
// least did not wait.
func (m *moment) busiest(earlier *moment) (share float64) {
	wall := float64(m.since(earlier))
	for i := range m.slept {
		share = max(share, 1-ratio(float64(m.slept[i]-earlier.slept[i]), wall))
	}
	return min(share, 1)
}

// machineShares are what the machine did with its processors since an earlier moment.
func (m *moment) machineShares(earlier *moment) (busy, steal float64) {
	b := float64(m.machine.Busy - earlier.machine.Busy)
	s := float64(m.machine.Steal - earlier.machine.Steal)
	all := b + s + float64(m.machine.Idle-earlier.machine.Idle)
	return ratio(b, all), ratio(s, all)
}
