package app

import "context"

// Turns returns when each event loop has made a turn: a process whose loops stand still
// serves nobody. Call it between Run's ready and Close.
func (a *App) Turns(ctx context.Context) error {
	loops := a.sockets.Loops()
	turned := make(chan struct{}, len(loops))
	for _, l := range loops {
		l.Post(func() { turned <- struct{}{} })
	}
	for range loops {
		select {
		case <-turned:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
