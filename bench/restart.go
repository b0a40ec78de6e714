package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/scrape"
)

// restartMax is how long a server may take to be restarted.
const restartMax = time.Minute

// checkRestart checks whether the server can be restarted.
func (c *Config) checkRestart() error {
	if c.Restart != nil && (c.Scenario != Storm || len(c.Others) > 0 || len(c.Agents) > 0) {
		return errors.New("restart: only of the one server of a storm whose connections this process drives")
	}
	return nil
}

// restart has the server end whom a storm would cut, where that is wanted.
func (r *run) restart(ctx context.Context, o *observer) {
	if r.cfg.Restart == nil || r.failed() || ctx.Err() != nil {
		return
	}
	r.pause(ctx, 2*idleCheckInterval) // each worker knows by then that whoever ends comes back
	within, cancel := context.WithTimeout(ctx, restartMax)
	defer cancel()
	r.restarting.Store(true)
	pid, err := r.cfg.Restart(within)
	switch {
	case err != nil && ctx.Err() == nil:
		r.fail(fmt.Errorf("restart: %w", err))
	case err == nil:
		r.serverPID.Store(int64(pid))
		r.restarting.Store(false)
		o.from.metrics = scrape.Metrics{} // its counters begin anew
	}
}

// processes are those of the nodes; zero where one is not known.
func (r *run) processes() (pids []int) {
	for _, n := range r.cfg.nodes() {
		pids = append(pids, n.PID)
	}
	if r.cfg.Restart != nil {
		pids[0] = int(r.serverPID.Load())
	}
	return pids
}

// readServer samples a server's process, which may be gone while it is restarted.
func (r *run) readServer(pid int) (proc.Sample, error) {
	s, err := proc.Read(pid)
	if err != nil && r.cfg.Restart != nil && (r.restarting.Load() || int(r.serverPID.Load()) != pid) {
		return proc.Sample{}, nil
	}
	return s, err
}
