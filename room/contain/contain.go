// Package contain keeps a panic to the work in which it happens. The goroutine goes
// on, the panic is counted and logged with its stack, and who started the work gets
// an error, so that whoever waits for it can be answered.
package contain

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// ErrPanic is wrapped by the error that Run returns for a panic.
var ErrPanic = errors.New("panic")

// Guard runs work and contains its panics. It is safe for concurrent use.
type Guard struct {
	owner  string
	log    *slog.Logger
	panics atomic.Int64
}

// New returns a Guard for the parts of owner, which the log names.
func New(owner string, log *slog.Logger) *Guard {
	return &Guard{owner: owner, log: log}
}

// Run runs do, the work of a part, and returns its error. A panic in it ends do and
// not the process: it is counted, logged, and returned as an error that wraps ErrPanic.
func (g *Guard) Run(part string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			g.panics.Add(1)
			g.log.Error(g.owner+": panic", "part", part, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: %w: %v", part, ErrPanic, v)
		}
	}()
	return do()
}

// Call is Run for work that has no error.
func (g *Guard) Call(part string, do func()) error {
	return g.Run(part, func() error {
		do()
		return nil
	})
}

// Panics returns how many were contained.
func (g *Guard) Panics() int64 { return g.panics.Load() }
