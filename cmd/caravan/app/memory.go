package app

import (
	"context"
	"log/slog"

	"github.com/caravan-chat/caravan/cmd/caravan/memory"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/unsent"
)

// About what a connection costs that nothing waits for, and one of REST with a request.
const (
	idleBytes = 2 << 10
	restBytes = 32 << 10
)

// runeBytesMax is what a character of content may take.
const runeBytesMax = 4

// openMemory divides the memory that there is, opens the limit of unsent answers, and
// says what the flags may lead to.
func (a *App) openMemory(ctx context.Context) {
	limit := memory.Adopt()
	a.budget = memory.Divide(limit.Bytes)
	if given := int64(a.cfg.UnsentBytes); given > 0 {
		a.budget.Unsent = given
	}
	a.unsent = unsent.New(a.budget.Unsent)
	worst := a.worstCase()
	level, text := slog.LevelInfo, "memory: the most that the settings allow"
	if worst.all() > limit.Bytes {
		text = "memory: the settings allow more than there is; near the limit new work is refused and the slowest clients are closed"
		if limit.From != memory.Machine { // somebody has thought of how much it should be
			level = slog.LevelWarn
		}
	}
	const kib, mib = 1 << 10, 1 << 20
	b := &a.budget
	a.log.Log(ctx, level, text, "limit_mib", limit.Bytes/mib, "from", limit.From, "most_mib", worst.all()/mib,
		"clients", worst.clients, "client_kib", worst.client/kib, "rest_mib", worst.rest/mib, "unsent_mib", worst.unsent/mib, "rooms_mib", worst.rooms/mib,
		"begun_mib", b.Begun/mib, "handshakes_mib", b.Handshakes/mib, "bodies_mib", b.Bodies/mib, "rest_connections", a.restLimits().Connections,
		"recent_mib", b.Tails/mib, "lanes_mib", b.Lanes/mib, "sqlite_cache_mib", b.SQLiteCache/mib)
}

// worst is the most that the settings allow, in bytes of memory but for clients.
type worst struct {
	clients int64 // WebSockets
	client  int64 // what one may fill: its outbox
	rest    int64 // REST, and what has not come whole over either transport
	unsent  int64
	rooms   int64 // lanes, recent messages, looks into the database
}

func (w *worst) all() int64 { return w.clients*w.client + w.rest + w.unsent + w.rooms }

func (a *App) worstCase() worst {
	cfg, b := a.cfg, &a.budget
	w := worst{clients: int64(cfg.MaxConnections), client: int64(idleBytes + max(cfg.SendBuffer, cfg.HistoryBytes)), unsent: b.Unsent}
	if w.clients == 0 {
		w.clients = openFiles()
	}
	w.rest = int64(a.restLimits().Connections)*restBytes + b.Bodies + b.Handshakes + b.Begun
	c := room.Config{Lanes: writers(cfg), HistoryBytes: cfg.HistoryBytes, BulkReads: bulkReads(cfg)}
	c.QueueOps, c.Bytes = a.roomBytes()
	w.rooms = c.BytesMax() + b.Notices + b.SQLiteCache
	return w
}

// roomBytes is what the rooms may keep, and how many messages may wait in a lane.
func (a *App) roomBytes() (queueOps int, of room.Bytes) {
	b := &a.budget
	of = room.Bytes{Tails: int(b.Tails), Parked: int(b.Parked), Looks: int(b.Looks), Entering: int(b.Entering)}
	queueOps, of.Lane = room.LaneWithin(b.Lanes, writers(a.cfg), runeBytesMax*a.cfg.MaxContent)
	return queueOps, of
}

// restLimits are what REST may hold.
func (a *App) restLimits() rest.Limits {
	limits := rest.DefaultLimits(max(restConnectionsMin, min(restConnections(), int(a.budget.REST/restBytes))))
	limits.BodyBytes, limits.AnswerBytes, limits.BodiesBytes = a.cfg.MaxFrame, a.cfg.HistoryBytes, int(a.budget.Bodies)
	return limits
}

// saver saves memory in the parts of an App.
type saver struct{ a *App }

// ShortOfMemory implements memory.Server. Writes go on for as long as they can.
func (s saver) ShortOfMemory(yes bool) {
	s.a.unsent.Close(yes)
	s.a.sockets.ShortOfMemory(yes)
}

// Shed implements memory.Server. Calls of REST that do not go on are cut first: who made
// them is in no room, and may call again.
func (s saver) Shed(bytes int64) {
	if left := bytes - s.a.rest.Shed(bytes); left > 0 {
		s.a.sockets.Shed(int(left))
	}
}
