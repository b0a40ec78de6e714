package app

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/visit"
)

// writers is how many lanes commit side by side. SQLite takes one writer at a
// time, so there one lane makes the largest batches.
func writers(cfg *config.Config) int {
	switch {
	case cfg.Writers > 0:
		return cfg.Writers
	case isSQLite(cfg.Database):
		return 1
	default:
		return postgres.WritersDefault
	}
}

// bulkReads is how many reads that clients ask for the store does at once.
func bulkReads(cfg *config.Config) int {
	if isSQLite(cfg.Database) {
		return sqlite.BulkReads()
	}
	return postgres.BulkDefault
}

func (a *App) rules() protocol.Rules {
	return protocol.Rules{ContentRunesMax: a.cfg.MaxContent, Emoji: a.cfg.Reactions, Traces: a.tracer != nil}
}

// frameBytesTypical is what a frame may have on the average: more than nearly all have.
// Whoever sends larger ones is slowed down. frameBytesBurst is how many of the largest
// ones may come at once all the same.
const (
	frameBytesTypical = 16 << 10
	frameBytesBurst   = 4
)

// readBytesSavedSeconds is for how long a user who reads nothing saves bytes up: enough
// for the histories of all connections that a user may have.
const readBytesSavedSeconds = 32

// refusals are how many answers a user gets that say that it asks for too much. Beyond it
// WebSockets are not read until they may send, and answers over REST are delayed.
var refusals = allowance.Rate{PerSecond: 20, Burst: 100}

// rates are what one user may ask of this node.
func rates(cfg *config.Config) (r allowance.Rates) {
	r[allowance.Frames] = frames(cfg.UserRate, cfg.UserBurst)
	r[allowance.FrameBytes] = frameBytes(cfg, cfg.UserRate, cfg.UserBurst)
	r[allowance.RESTWrites] = frames(cfg.Rate, cfg.Burst)
	r[allowance.Reads] = frames(cfg.ReadRate, cfg.ReadBurst)
	r[allowance.ReadBytes] = allowance.Rate{PerSecond: float64(cfg.ReadBytes), Burst: cfg.ReadBytes * readBytesSavedSeconds}
	r[allowance.Refusals] = refusals
	return r
}

// addressBurstSeconds is for how long an address that does not connect saves handshakes up:
// all who share it may come back at once.
const addressBurstSeconds = 10

// addressRates are what clients of one address may do of which nobody knows who they are.
func addressRates(cfg *config.Config) visit.AddressRates {
	return visit.AddressRates{
		Connects: allowance.Rate{PerSecond: float64(cfg.AddressConnects), Burst: cfg.AddressConnects * addressBurstSeconds},
		Tokens:   allowance.Rate{PerSecond: float64(cfg.AddressTokens) / time.Minute.Seconds(), Burst: cfg.AddressTokens},
	}
}

func frames(rate, burst int) allowance.Rate {
	return allowance.Rate{PerSecond: float64(rate), Burst: burst}
}

// frameBytes is the rate in bytes that goes with one in frames.
func frameBytes(cfg *config.Config, rate, burst int) allowance.Rate {
	return allowance.Rate{
		PerSecond: float64(rate) * frameBytesTypical,
		Burst:     max(burst*frameBytesTypical, cfg.MaxFrame*frameBytesBurst),
	}
}

// restShare is the part of all connections that may speak plain HTTP, and
// restConnectionsMin what they get even so.
const (
	restShare          = 4
	restConnectionsMin = 16
)

// restConnections is how many connections may speak plain HTTP, out of as many
// as the limit of open files allows.
func restConnections() int {
	return max(restConnectionsMin, int(openFiles()/restShare))
}

// openFiles is how many files the process may open once it has raised its limit.
func openFiles() int64 {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return 0
	}
	return int64(min(files.Max, math.MaxInt32))
}
