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
	lanesTimeout      = 40 * time.Second       // to commit what was accepted; the store may be away
	spreadLeast       = 500 * time.Millisecond // for the closes, however short --drain-timeout is
	restTimeout       = 5 * time.Second        // for REST calls under way
	refusalRetryAfter = 2 * time.Second
	refusalText       = "The server is shutting down; please try again"
)

// drain ends the service to the clients. The order is the promise: what was
// accepted is committed and told before anybody is sent away.
func (a *App) drain() {
	a.phase.Store(draining)
	// Until the engine's own drain closes connections, the chat lets nobody new in.
	a.sockets.Refuse(&netpoll.Refusal{
		Status: http.StatusServiceUnavailable, RetryAfter: refusalRetryAfter, ContentType: "application/json",
		Body: protocol.AppendRESTError(nil, refusalText, protocol.CodeUnavailable),
	})
	a.log.Info("draining", "clients", a.sockets.Stats().Open)
	begun := time.Now()

	a.step("lanes", lanesTimeout, a.chat.Drain)
	// Long polls have nothing left to wait for, the spread of the closes least of all.
	var calls sync.WaitGroup
	calls.Go(func() { a.step("rest", restTimeout, a.rest.Drain) })
	// The events of the lanes' last batches are in the loops' mailboxes by now,
	// ahead of the closes.
	a.step("clients", max(a.cfg.DrainTimeout, spreadLeast), a.sockets.Drain)
	calls.Wait()

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
