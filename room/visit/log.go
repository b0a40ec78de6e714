// Package visit is about who comes to a node, over WebSocket or REST: what the log says of
// those who are turned away, and of all visits where that is wanted.
//
// All of it is safe for concurrent use, and nobody waits for the log: lines are written by
// the Log's own goroutine.
package visit

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	turnedAwayEvery = time.Second         // of a reason; more are counted in the next line
	restAfter       = 2 * turnedAwayEvery // since the last line: nobody brings the next one
	reasonsMax      = 256                 // that are told apart; all others count as one
	linesMax        = 4_096               // that wait to be written; what is over is dropped and counted
	textBytesMax    = 200                 // of a path or an origin in a line
)

// Log writes about visits. A nil Log writes nothing.
type Log struct {
	log     *slog.Logger
	access  atomic.Bool // a line for each visit is wanted
	dropped atomic.Int64
	lines   chan line
	stop    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	reasons map[string]*reason
}

// reason is why clients are turned away.
type reason struct {
	told time.Time
	more int // since then
}

type line struct {
	text string
	args []any
}

// New returns a Log that writes of those who were turned away, and with access of all visits.
// The caller closes it.
func New(log *slog.Logger, access bool) *Log {
	l := &Log{log: log, lines: make(chan line, linesMax), stop: make(chan struct{}), done: make(chan struct{}), reasons: make(map[string]*reason)}
	l.access.Store(access)
	go l.write()
	return l
}

func (l *Log) write() {
	defer close(l.done)
	second := time.NewTicker(turnedAwayEvery)
	defer second.Stop()
	for {
		select {
		case line := <-l.lines:
			l.log.Info(line.text, line.args...)
			continue
		default:
		}
		select {
		case line := <-l.lines:
			l.log.Info(line.text, line.args...)
		case now := <-second.C:
			l.tellMore(now)
		case <-l.stop:
			l.tellMore(time.Now().Add(restAfter)) // however young it is
			return
		}
	}
}

// tellMore writes how many were turned away after the last line of their reason, where that is
// restAfter old.
func (l *Log) tellMore(now time.Time) {
	more := make(map[string]int)
	l.mu.Lock()
	for why, r := range l.reasons {
		if r.more > 0 && now.Sub(r.told) >= restAfter {
			more[cmp.Or(why, "others")], r.more, r.told = r.more, 0, now
		}
	}
	l.mu.Unlock()
	for why, n := range more {
		l.log.Info("turned away", "reason", why, "more", n)
	}
}

// Close writes what waits. Nothing that comes later is written.
func (l *Log) Close() {
	if l != nil {
		close(l.stop)
		<-l.done
	}
}

// SetAccess says whether all visits are written of from now on.
func (l *Log) SetAccess(wanted bool) { l.access.Store(wanted) }

// WritesAccess says whether a line for each visit is wanted, and the log's level lets it pass.
func (l *Log) WritesAccess() bool { return l != nil && l.access.Load() && l.enabled() }

// enabled says whether lines are written at all, at the log's level of now.
func (l *Log) enabled() bool { return l.log.Enabled(context.Background(), slog.LevelInfo) }

// Dropped returns how many lines were dropped, as the log could not be written fast enough.
func (l *Log) Dropped() int64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}

func (l *Log) put(text string, args ...any) {
	select {
	case l.lines <- line{text, args}:
	default:
		l.dropped.Add(1)
	}
}

// TurnedAway writes of a client that was turned away: once a second for each reason. detail
// goes behind the reason, as an origin does; it is the client's own word. path has no query.
func (l *Log) TurnedAway(why, detail string, from netip.Addr, path string) {
	if l == nil || !l.enabled() {
		return
	}
	more, due := l.due(why, time.Now())
	if !due {
		return
	}
	if detail != "" {
		why += " " + cut(detail)
	}
	args := []any{"reason", why, "address", from, "path", cut(path)}
	if more > 0 {
		args = append(args, "more", more)
	}
	l.put("turned away", args...)
}

// due says whether a line may be written for a reason, and how many were not since the last.
func (l *Log) due(why string, now time.Time) (more int, yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.reasons[why]
	if r == nil {
		if len(l.reasons) >= reasonsMax {
			why = ""
		}
		if r = l.reasons[why]; r == nil {
			r = &reason{}
			l.reasons[why] = r
		}
	}
	if now.Sub(r.told) < turnedAwayEvery {
		r.more++
		return 0, false
	}
	more, r.more, r.told = r.more, 0, now
	return more, true
}

// cut bounds what a client says of itself.
func cut(s string) string {
	if len(s) > textBytesMax {
		return s[:textBytesMax] + "…"
	}
	return s
}
