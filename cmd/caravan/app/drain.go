package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
)

const (
	lanesLeast        = time.Second            // to commit what was accepted, however short --drain-timeout is
	spreadLeast       = 500 * time.Millisecond // for the closes, likewise
	restTimeout       = 5 * time.Second        // for REST calls under way
	restOverrun       = 3 * time.Second        // of it, what may lie behind --drain-timeout
	closeTimeout      = 2 * time.Second        // for the parts to end that wait for a database
	refusalRetryAfter = 2 * time.Second
	refusalText       = "The server is shutting down; please try again"
)

// drain ends the service to the clients. The order is the promise: what was
// accepted is committed and told, or answered with why not, before anybody is sent
// away. A database that hangs takes half of the drain's time at most, so that the
// clients still go one by one.
func (a *App) drain() {
	a.phase.Store(draining)
	// Until the engine's own drain closes connections, the chat lets nobody new in.
	a.sockets.Refuse(&netpoll.Refusal{
		Status: http.StatusServiceUnavailable, RetryAfter: refusalRetryAfter, ContentType: "application/json",
		Body: protocol.AppendRESTError(nil, refusalText, protocol.CodeUnavailable),
	})
	a.log.Info("draining", "clients", a.sockets.Stats().Open)
	begun := time.Now()
	end := begun.Add(a.cfg.DrainTimeout)

	a.step("lanes", max(a.cfg.DrainTimeout/2, lanesLeast), a.chat.Drain)
	// Long polls have nothing left to wait for, the spread of the closes least of all.
	var calls sync.WaitGroup
	rest := min(restTimeout, time.Until(end.Add(restOverrun)))
	calls.Go(func() { a.step("rest", rest, a.rest.Drain) })
	// The events and answers of the lanes are in the loops' mailboxes by now, ahead of
	// the closes.
	a.step("clients", max(time.Until(end), spreadLeast), a.sockets.Drain)
	calls.Wait()
	a.chat.LeavePresence()

	a.log.Info("drained", "took", time.Since(begun).Round(time.Millisecond))
}

// step gives one part its time to drain.
func (a *App) step(what string, timeout time.Duration, drain func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := drain(ctx); err != nil {
		a.log.Warn("not everything was drained in time", "part", what, "error", err)
	}
}
