package rest

import "strings"

// route is a place of the API: its name in metrics, and what answers a method
// there. HEAD is answered as GET.
type route struct {
	name  string
	allow string // the methods, as the Allow header lists them
	get   func(*call)
	post  func(*call)
	patch func(*call)
}

var (
	routeRooms    = &route{name: "rooms", allow: "GET, HEAD, OPTIONS", get: (*call).listRooms}
	routePage     = &route{name: "page", allow: "GET, HEAD, OPTIONS", get: (*call).page}
	routeRead     = &route{name: "read", allow: "POST, OPTIONS", post: (*call).markRead}
	routeReads    = &route{name: "reads", allow: "GET, HEAD, OPTIONS", get: (*call).listReads}
	routeMessages = &route{name: "messages", allow: "POST, OPTIONS", post: (*call).send}
	routeMessage  = &route{name: "message", allow: "GET, HEAD, PATCH, OPTIONS", get: (*call).message, patch: (*call).edit}
)

// Names of what is no place of the API, in metrics.
const (
	routeUnknown    = "unknown"
	routeWebSocket  = "websocket"
	routeDemo       = "demo"
	routeUnreadable = "unreadable"
	routeLongPoll   = "long_poll"
)

const (
	apiPrefix       = "/api/v1/chat/"
	webSocketPrefix = "/ws/chat/"
)

// match finds the route of a path, and the id that the path holds. A slash at
// the end makes no difference. nil: there is nothing.
func match(path string) (r *route, id string) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(path, "/"), apiPrefix)
	if !ok {
		return nil, ""
	}
	switch kind, rest, deeper := strings.Cut(rest, "/"); kind {
	case "rooms":
		if !deeper {
			return routeRooms, ""
		}
		switch id, end, _ := strings.Cut(rest, "/"); end {
		case "messages":
			return routePage, id
		case "read":
			return routeRead, id
		case "reads":
			return routeReads, id
		}
	case "messages":
		if !deeper {
			return routeMessages, ""
		}
		if !strings.Contains(rest, "/") {
			return routeMessage, rest
		}
	}
	return nil, ""
}

// reads reports whether a method's answer follows what is stored.
func (r *route) reads(method string) bool { return method == "GET" || method == "HEAD" }

// handler returns what answers a method, nil where the route does not allow it.
func (r *route) handler(method string) func(*call) {
	switch method {
	case "GET", "HEAD":
		return r.get
	case "POST":
		return r.post
	case "PATCH":
		return r.patch
	}
	return nil
}
