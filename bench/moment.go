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
	glance
	machine proc.Times
	kernel  proc.Kernel
}

func (m *moment) since(earlier *moment) time.Duration { return m.at.Sub(earlier.at) }

// serverCPU is what the servers spent since an earlier moment.
func (m *moment) serverCPU(earlier *moment) (spent time.Duration) {
	for i := range m.servers {
		spent += m.servers[i].Since(m.server(earlier, i))
	}
	return spent
}

// server is the sample of a server's process at an earlier moment: zero where it is another process
// since.
func (m *moment) server(earlier *moment, i int) proc.Sample {
	if i < len(earlier.servers) && earlier.servers[i].PID == m.servers[i].PID {
		return earlier.servers[i]
	}
	return proc.Sample{}
}

// serverSplit is the same in user space and in the kernel, to 10 ms.
func (m *moment) serverSplit(earlier *moment) (user, system time.Duration) {
	for i := range m.servers {
		was := m.server(earlier, i)
		user += m.servers[i].User - was.User
		system += m.servers[i].System - was.System
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
	return busiestOf(earlier.slept, m.slept, m.since(earlier))
}

// busiestOf is the same by what each thread had waited at either moment.
func busiestOf(was, is []int64, wall time.Duration) (share float64) {
	for i := range is {
		if is[i] < 0 || i >= len(was) { // its agent is lost, or was not there yet
			continue
		}
		share = max(share, 1-ratio(float64(is[i]-was[i]), float64(wall)))
	}
	return min(share, 1)
}

// machineShares are what the machine did with its processors since an earlier moment.
func (m *moment) machineShares(earlier *moment) (busy, steal float64) {
	return sharesOf(earlier.machine, m.machine)
}

func sharesOf(was, is proc.Times) (busy, steal float64) {
	b := float64(is.Busy - was.Busy)
	s := float64(is.Steal - was.Steal)
	all := b + s + float64(is.Idle-was.Idle)
	return ratio(b, all), ratio(s, all)
}
