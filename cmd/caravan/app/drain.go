package app

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	drainLeast      = 500 * time.Millisecond // for the clients, however short --drain-timeout is
	lanesLeast      = time.Second            // to commit what was accepted last
	restPause       = 500 * time.Millisecond // from telling REST clients to go to closing what is idle
	restTimeout     = 5 * time.Second        // for REST calls under way
	restOverrun     = 2 * time.Second        // of it, what may lie behind --drain-timeout
	seenTimeout     = time.Second            // to store who was seen last
	closeTimeout    = 2 * time.Second        // for the parts to end that wait for a database, or for a collector of traces
	reconnectSpread = time.Second            // over which clients are asked to come back
)

// delay goes on as before for --shutdown-delay, and is not ready: load balancers need a
// moment to see that.
func (a *App) delay() error {
	if a.cfg.ShutdownDelay == 0 {
		return nil
	}
	a.phase.Store(stopping)
	a.log.Info("stopping: not ready, and serving as before", "for", a.cfg.ShutdownDelay)
	select {
	case <-time.After(a.cfg.ShutdownDelay):
		return nil
	case err := <-a.ended:
		return crashed(err)
	}
}

// drain ends the service to the clients. The order is the promise: clients go first, each
// when what it has sent is committed and told, or answered with why not; what they send
// until they have read the close is accepted. So nobody is refused anything.
func (a *App) drain() {
	begun := time.Now()
	took := max(a.cfg.DrainTimeout, drainLeast)
	a.goneBy = begun.Add(took)
	a.phase.Store(draining)
	if a.admin != nil && a.cfg.ReusePort {
		a.admin.Leave()
	}
	a.log.Info("draining", "clients", a.sockets.Stats().Open)

	ctx, gone := context.WithTimeout(context.Background(), took*3/4) // the clients, or their time
	var others sync.WaitGroup
	others.Go(func() { a.refuseWhereStuck(ctx, begun.Add(took*5/8), took) })
	others.Go(func() { a.drainREST(ctx) })
	a.step("clients", took, a.sockets.Drain)
	gone()
	others.Wait()
	// The last of what was accepted: of REST, and of clients that had their close already.
	a.step("lanes", max(time.Until(a.goneBy), lanesLeast), a.chat.Drain)
	a.chat.LeavePresence()

	a.log.Info("drained", "took", time.Since(begun).Round(time.Millisecond))
}

// storeSeen stores who has left with the last clients, those that did not answer their close
// among them. A database that hangs is not waited for.
func (a *App) storeSeen() {
	ctx, cancel := context.WithTimeout(context.Background(), seenTimeout)
	defer cancel()
	a.chat.StoreSeen(ctx)
}

// drainREST has REST clients go elsewhere with their next call, and ends their
// connections when the others have gone. A connection that a proxy keeps brings a
// request at any moment: that is answered, rather than that the connection ends under it.
func (a *App) drainREST(clients context.Context) {
	a.rest.SendAway()
	if a.rest.Stats().ConnectionsNow > 0 {
		time.Sleep(restPause)
	}
	<-clients.Done()
	a.step("rest", min(restTimeout, time.Until(a.goneBy.Add(restOverrun))), a.rest.Drain)
}

// refuseWhereStuck has what waits refused where the database hangs, so that the clients are
// answered before they go. It takes half of the drain's time at most.
func (a *App) refuseWhereStuck(clients context.Context, latest time.Time, took time.Duration) {
	const look = 50 * time.Millisecond
	for clients.Err() == nil && time.Now().Before(latest) {
		asked := time.Now()
		until := asked.Add(took / 2)
		if until.After(latest) {
			until = latest
		}
		ctx, cancel := context.WithDeadline(clients, until)
		err := a.chat.AwaitAnswers(ctx)
		cancel()
		if err != nil && clients.Err() == nil && time.Since(asked) >= took/8 {
			a.step("lanes", 0, a.chat.Drain)
			return
		}
		select {
		case <-time.After(look):
		case <-clients.Done():
		}
	}
}

// reconnectAfter is how long a client that is sent away had better wait: a moment, which
// spreads them. Where there is no other node, this one has to end first.
func (a *App) reconnectAfter() time.Duration {
	after := rand.N(reconnectSpread)
	if a.backplane == nil {
		after += max(0, time.Until(a.goneBy))
	}
	return after
}

// step gives one part its time to drain.
func (a *App) step(what string, timeout time.Duration, drain func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := drain(ctx); err != nil {
		a.log.Warn("not everything was drained in time", "part", what, "error", err)
	}
}
