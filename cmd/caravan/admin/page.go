package admin

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"path"
	"time"

	"github.com/caravan-chat/caravan/room/backplane"
)

//go:embed static
var static embed.FS

// contentSecurityPolicy lets the page run its own files, ask this port, and nothing else.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// page adds the page that shows what the node does, and its files. It reads /metrics, as
// Prometheus does.
func page(mux *http.ServeMux) {
	serve := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			text, err := static.ReadFile("static/" + name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			header := w.Header()
			header.Set("Content-Security-Policy", contentSecurityPolicy)
			header.Set("X-Content-Type-Options", "nosniff")
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cache-Control", "no-cache")
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
		}
	}
	mux.HandleFunc("GET /{$}", serve("index.html"))
	for _, name := range []string{"live.js", "figures.js", "view.js", "live.css"} {
		mux.HandleFunc("GET "+path.Join("/", name), serve(name))
	}
}

const (
	nodesTimeout = 2 * time.Second
	nodesFresh   = 2 * time.Second
)

// nodes answers /nodes: those that share a Redis with this one, looked up once for all who ask
// at about the same time, and by one of them at a time.
type nodes struct {
	name string
	list func(context.Context) ([]backplane.Node, error) // nil: this one is alone

	turn chan struct{} // of one: whose turn it is owns the rest

	at     time.Time
	answer []byte
	status int
}

// ServeHTTP implements http.Handler.
func (n *nodes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case n.turn <- struct{}{}:
	case <-r.Context().Done():
		return // who asked has left
	}
	if n.answer == nil || time.Since(n.at) > nodesFresh {
		n.status, n.answer = n.look()
		n.at = time.Now()
	}
	status, answer := n.status, n.answer
	<-n.turn
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // or who asked has left
}

func (n *nodes) look() (status int, answer []byte) {
	encode := func(status int, is map[string]any) (int, []byte) {
		is["name"] = n.name
		text, err := json.Marshal(is)
		if err != nil {
			panic("admin: texts and numbers always encode: " + err.Error())
		}
		return status, text
	}
	if n.list == nil {
		return encode(http.StatusOK, map[string]any{"nodes": []any{}, "detail": "One node: there is no --redis"})
	}
	ctx, cancel := context.WithTimeout(context.Background(), nodesTimeout)
	defer cancel()
	list, err := n.list(ctx)
	if err != nil {
		return encode(http.StatusServiceUnavailable, map[string]any{"detail": "Redis does not say which nodes there are"})
	}
	rows := make([]map[string]any, len(list))
	for i, node := range list {
		rows[i] = map[string]any{"name": node.Name, "ready": node.Ready, "connections": node.Connections, "rooms": node.Rooms,
			"up_seconds": time.Since(node.Started).Seconds(), "seen_seconds_ago": node.Seen.Seconds(), "version": node.Version}
	}
	return encode(http.StatusOK, map[string]any{"nodes": rows})
}
