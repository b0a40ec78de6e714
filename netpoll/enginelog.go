package netpoll

import (
	"fmt"
	"log/slog"
	"sync"
)

// engineLog is gnet's logger. It keeps the last error, because gnet tells nobody
// why its engine ended, and hears of accepts that failed, because nobody else does.
type engineLog struct {
	log          *slog.Logger
	acceptFailed func(error) // on the loop

	mu    sync.Mutex
	error string
}

func (e *engineLog) last() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.error
}

// Debugf implements gnet's Logger.
func (e *engineLog) Debugf(format string, args ...any) {
	e.log.Debug("gnet: " + fmt.Sprintf(format, args...))
}

// Infof implements gnet's Logger. What gnet calls information is detail here.
func (e *engineLog) Infof(format string, args ...any) { e.Debugf(format, args...) }

// Warnf implements gnet's Logger.
func (e *engineLog) Warnf(format string, args ...any) {
	e.log.Warn("gnet: " + fmt.Sprintf(format, args...))
}

// acceptFormat is what gnet says where an accept has failed.
const acceptFormat = "Accept() failed due to error: %v"

// Errorf implements gnet's Logger.
func (e *engineLog) Errorf(format string, args ...any) {
	if format == acceptFormat && len(args) == 1 {
		if err, ok := args[0].(error); ok {
			e.acceptFailed(err)
			return
		}
	}
	msg := fmt.Sprintf(format, args...)
	e.mu.Lock()
	e.error = msg
	e.mu.Unlock()
	e.log.Error("gnet: " + msg)
}

// Fatalf implements gnet's Logger. Ending the process is not its business.
func (e *engineLog) Fatalf(format string, args ...any) { e.Errorf(format, args...) }
