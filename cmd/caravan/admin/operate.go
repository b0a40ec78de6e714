package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/socket"
)

// Node is what an operator asks for something. All methods are safe for concurrent use.
type Node interface {
	Clients(ctx context.Context, which socket.Which, most int) (list []socket.Client, all int, err error)
	Kick(ctx context.Context, which socket.Which, code protocol.CloseCode, reason string) (n int, err error)
	Drain() // begins what SIGTERM begins
	Level() slog.Level
	SetLevel(slog.Level)
}

const (
	clientsMax     = 1_000 // in a list
	nodeTimeout    = 5 * time.Second
	reasonBytesMax = 123 // of a close frame: RFC 6455 section 5.5
)

// ErrNotServing says that the node is not serving yet.
var ErrNotServing = errors.New("the server is not serving yet")

// operate adds the paths by which an operator on this machine looks at clients, and changes
// something.
func operate(mux *http.ServeMux, node Node, log *slog.Logger) {
	mux.Handle("GET /connections", fromHere(func(w http.ResponseWriter, r *http.Request) { listClients(w, r, node) }))
	mux.Handle("GET /log-level", fromHere(func(w http.ResponseWriter, _ *http.Request) { answerLevel(w, node) }))
	change := func(path string, do func(w http.ResponseWriter, r *http.Request) (done string, args []any)) {
		mux.Handle("POST "+path, fromHere(ownPages(func(w http.ResponseWriter, r *http.Request) {
			if done, args := do(w, r); done != "" {
				log.Warn("an operator "+done, append(args, "from", r.RemoteAddr)...)
			}
		})))
	}
	change("/connections/kick", func(w http.ResponseWriter, r *http.Request) (string, []any) { return kick(w, r, node) })
	change("/drain", func(w http.ResponseWriter, _ *http.Request) (string, []any) {
		node.Drain()
		answer(w, http.StatusAccepted, map[string]any{"draining": true})
		return "has the server stop", nil
	})
	change("/log-level", func(w http.ResponseWriter, r *http.Request) (string, []any) {
		var level slog.Level
		if err := level.UnmarshalText([]byte(r.URL.Query().Get("level"))); err != nil {
			refuse(w, http.StatusBadRequest, "level must be debug, info, warn or error")
			return "", nil
		}
		node.SetLevel(level)
		answerLevel(w, node)
		return "has set the level of the log", []any{"level", level}
	})
}

func answerLevel(w http.ResponseWriter, node Node) {
	answer(w, http.StatusOK, map[string]any{"level": strings.ToLower(node.Level().String())})
}

// listClients answers with the clients that are meant.
func listClients(w http.ResponseWriter, r *http.Request, node Node) {
	which, err := whichOf(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), nodeTimeout)
	defer cancel()
	list, all, err := node.Clients(ctx, which, clientsMax)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	rows := make([]map[string]any, len(list))
	for i, c := range list {
		address := c.Address.String()
		if c.Address.Port() == 0 {
			address = c.Address.Addr().String()
		}
		rows[i] = map[string]any{"user": c.User, "address": address, "version": c.Version, "rooms": c.Rooms,
			"silent_seconds": c.Silent.Seconds(), "waiting_bytes": c.Waiting, "joining": c.Joining}
		if c.Trip != uuid.Nil {
			rows[i]["trip"] = c.Trip
		}
	}
	answer(w, http.StatusOK, map[string]any{"connections": rows, "all": all})
}

// kick closes the clients that are meant.
func kick(w http.ResponseWriter, r *http.Request, node Node) (done string, args []any) {
	query := r.URL.Query()
	which, err := whichOf(query)
	code, codeOK := codeOf(query.Get("code"))
	reason := query.Get("reason")
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return "", nil
	case which == socket.Which{}:
		refuse(w, http.StatusBadRequest, "whom? Give a user, a room or an address")
		return "", nil
	case !codeOK:
		refuse(w, http.StatusBadRequest, "code must be 1012 (come back), 1013 (come back later), 4001 (get another token) or 4003 (stay away)")
		return "", nil
	case len(reason) > reasonBytesMax || !utf8.ValidString(reason):
		refuse(w, http.StatusBadRequest, "reason may have "+strconv.Itoa(reasonBytesMax)+" bytes of UTF-8")
		return "", nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), nodeTimeout)
	defer cancel()
	n, err := node.Kick(ctx, which, code, reason)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
	} else {
		answer(w, http.StatusOK, map[string]any{"kicked": n})
	}
	return "has closed connections", []any{"connections", n, "user", query.Get("user"), "room", query.Get("room"), "address", query.Get("address"), "code", code}
}

// codeOf reads a close code of which clients know what to do; without one they come back.
func codeOf(text string) (protocol.CloseCode, bool) {
	switch text {
	case "", "1012":
		return protocol.CloseRestart, true
	case "1013":
		return protocol.CloseTryLater, true
	case "4001":
		return protocol.CloseUnauthorized, true
	case "4003":
		return protocol.CloseForbidden, true
	}
	return 0, false
}

// whichOf reads which clients are meant.
func whichOf(query url.Values) (which socket.Which, err error) {
	for name, into := range map[string]*uuid.UUID{"user": &which.User, "room": &which.Room} {
		if text := query.Get(name); text != "" {
			if *into, err = uuid.Parse(text); err != nil || *into == uuid.Nil { // which would mean everybody
				return which, errors.New(name + " must be somebody's or something's UUID")
			}
		}
	}
	if text := query.Get("address"); text != "" {
		if which.Address, err = netip.ParseAddr(text); err != nil {
			return which, errors.New("address must be an IP address")
		}
		which.Address = which.Address.Unmap()
	}
	return which, nil
}

// fromHere answers only who asks from this machine: what stands behind is about people, or
// changes something. A proxy on this machine speaks for others.
func fromHere(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isHere(r) || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" || r.Header.Get("Via") != "" {
			refuse(w, http.StatusForbidden, "This is for the machine of the server alone: run caravan admin there")
			return
		}
		next(w, r)
	}
}

// isHere says whether both ends of the connection have one address, or loopback ones.
func isHere(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	to, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return from.Addr().IsLoopback() || to != nil && from.Addr().Unmap() == to.AddrPort().Addr().Unmap()
}

// ownPages refuses what a page of another site has its browser ask for.
func ownPages(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		own := origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host
		if !own || fromAnotherSite(r) {
			refuse(w, http.StatusForbidden, "This is for no page of another site")
			return
		}
		next(w, r)
	}
}
