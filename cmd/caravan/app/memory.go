package app

import (
	"context"
	"log/slog"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/cmd/caravan/memory"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/unsent"
)

// unsentShare is the part of the memory limit that answers which are not sent yet may
// fill, where no flag says otherwise.
const unsentShare = 4

// About what a connection costs that nothing waits for, and one of REST with a request.
const (
	idleBytes = 2 << 10
	restBytes = 32 << 10
)

// openMemory opens the limit of unsent answers, and says what the flags may lead to.
func (a *App) openMemory(ctx context.Context) {
	limit := memory.Adopt()
	most := int64(a.cfg.UnsentBytes)
	if most == 0 {
		most = limit.Bytes / unsentShare
	}
	a.unsent = unsent.New(most)
	worst := worstCase(a.cfg, most)
	level, text := slog.LevelInfo, "memory: the most that the settings allow"
	if worst.all() > limit.Bytes {
		text = "memory: the settings allow more than there is; near the limit new work is refused and the slowest clients are closed"
		if limit.From != memory.Machine { // somebody has thought of how much it should be
			level = slog.LevelWarn
		}
	}
	const kib, mib = 1 << 10, 1 << 20
	a.log.Log(ctx, level, text, "limit_mib", limit.Bytes/mib, "from", limit.From, "most_mib", worst.all()/mib,
		"clients", worst.clients, "client_kib", worst.client/kib, "rest_mib", worst.rest/mib, "unsent_mib", worst.unsent/mib, "rooms_mib", worst.rooms/mib)
}

// worst is the most that the settings allow, in bytes of memory but for clients.
type worst struct {
	clients int64 // WebSockets
	client  int64 // what one may fill: its outbox, and a message that has not come whole
	rest    int64
	unsent  int64
	rooms   int64 // lanes, recent messages, looks into the database
}

func (w *worst) all() int64 { return w.clients*w.client + w.rest + w.unsent + w.rooms }

func worstCase(cfg *config.Config, unsent int64) worst {
	w := worst{clients: int64(cfg.MaxConnections), client: int64(idleBytes + max(cfg.SendBuffer, cfg.HistoryBytes) + cfg.MaxFrame), unsent: unsent}
	if w.clients == 0 {
		w.clients = openFiles()
	}
	limits := rest.DefaultLimits(restConnections())
	w.rest = int64(limits.Connections)*restBytes + int64(limits.Requests)*int64(cfg.MaxFrame)
	w.rooms = room.Config{Lanes: writers(cfg), HistoryBytes: cfg.HistoryBytes}.BytesMax()
	return w
}

// saver saves memory in the parts of an App.
type saver struct{ a *App }

// ShortOfMemory implements memory.Server. Writes go on for as long as they can.
func (s saver) ShortOfMemory(yes bool) {
	s.a.unsent.Close(yes)
	s.a.sockets.ShortOfMemory(yes)
}

// Shed implements memory.Server.
func (s saver) Shed(bytes int64) { s.a.sockets.Shed(int(bytes)) }
