package app

import (
	"context"
	"log/slog"

	"github.com/caravan-chat/caravan/cmd/caravan/admin"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/socket"
)

// Operator is what an operator can do from outside of an App that only its program can carry
// out. Nothing is nil.
type Operator struct {
	Stop  func()         // begins what SIGTERM begins
	Level *slog.LevelVar // of the log
}

// OperatedBy gives the App what its program does for an operator. Call it before Open; without
// it neither does anything.
func (a *App) OperatedBy(o Operator) { a.operator = o }

// operated is an App as the admin port sees it.
type operated struct{ *App }

var _ admin.Node = operated{}

// Clients implements admin.Node.
func (a operated) Clients(ctx context.Context, which socket.Which, most int) ([]socket.Client, int, error) {
	if a.phase.Load() == starting { // what is asked may not be there
		return nil, 0, admin.ErrNotServing
	}
	return a.handler.Clients(ctx, a.sockets.Loops(), which, most)
}

// Kick implements admin.Node.
func (a operated) Kick(ctx context.Context, which socket.Which, code protocol.CloseCode, reason string) (int, error) {
	if a.phase.Load() == starting {
		return 0, admin.ErrNotServing
	}
	return a.handler.Kick(ctx, a.sockets.Loops(), which, code, reason)
}

// Drain implements admin.Node.
func (a operated) Drain() { a.operator.Stop() }

// Level implements admin.Node.
func (a operated) Level() slog.Level { return a.operator.Level.Level() }

// SetLevel implements admin.Node.
func (a operated) SetLevel(level slog.Level) { a.operator.Level.Set(level) }
