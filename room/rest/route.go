package rest

import "strings"

// route is a place of the API: its name in metrics, and what may be asked for there.
type route struct {
	name  string
	allow string          // the methods, as the Allow header lists them
	by    map[string]deed // by method
}

// deed is what answers a method, and what that counts as against what its user may ask
// for. TestEveryCallIsCharged has them all.
type deed struct {
	answer func(*call)
	charge charge
}

type charge uint8

const (
	write  charge = 1 << iota // a write over REST, and a frame
	look                      // a read beside it, of little
	read                      // a read, whose answer may be large: it is counted before it is made
	slow                      // takes as long as its body, or its answer, needs
	linked                    // is for who has the link: there is no caller
)

var (
	routeRooms    = &route{"rooms", "GET, HEAD, OPTIONS", reading((*call).listRooms)}
	routePage     = &route{"page", "GET, HEAD, OPTIONS", reading((*call).page)}
	routeRoom     = &route{"room", "GET, HEAD, OPTIONS", reading((*call).room)}
	routePins     = &route{"pins", "GET, HEAD, OPTIONS", reading((*call).listPins)}
	routeRead     = &route{"read", "POST, OPTIONS", map[string]deed{"POST": {(*call).markRead, write | look}}}
	routeReads    = &route{"reads", "GET, HEAD, OPTIONS", reading((*call).listReads)}
	routeMembers  = &route{"members", "GET, HEAD, OPTIONS", reading((*call).listMembers)}
	routeMessages = &route{"messages", "POST, OPTIONS", map[string]deed{"POST": {(*call).send, write}}}
	routeMessage  = &route{"message", "GET, HEAD, PATCH, DELETE, OPTIONS", map[string]deed{
		"GET": {(*call).message, read}, "HEAD": {(*call).message, read}, "PATCH": {(*call).edit, write | look}, "DELETE": {(*call).remove, write | look},
	}}
	routePin = &route{"pin", "PUT, DELETE, OPTIONS", map[string]deed{
		"PUT": {(*call).pin, write | look}, "DELETE": {(*call).unpin, write | look},
	}}
	routeReaction = &route{"reaction", "PUT, DELETE, OPTIONS", map[string]deed{
		"PUT": {(*call).react, write | look}, "DELETE": {(*call).unreact, write | look},
	}}
	routeReactions = &route{"reactions", "GET, HEAD, OPTIONS", reading((*call).listReactors)}
	routeReplies   = &route{"replies", "GET, HEAD, OPTIONS", reading((*call).listReplies)}
	routeReaders   = &route{"readers", "GET, HEAD, OPTIONS", reading((*call).listReaders)}
	routeUploads   = &route{"uploads", "POST, OPTIONS", map[string]deed{"POST": {(*call).upload, write | slow}}}
	routeFile      = &route{"attachment", "GET, HEAD, OPTIONS", map[string]deed{
		"GET": {(*call).file, look | slow}, "HEAD": {(*call).file, look | slow},
	}}
	routeLinked = &route{"attachment_link", "GET, HEAD, OPTIONS", map[string]deed{
		"GET": {(*call).linkedFile, linked | slow}, "HEAD": {(*call).linkedFile, linked | slow},
	}}
	// routePreview is also the link of a file of that name.
	routePreview = &route{"attachment_preview", "GET, HEAD, PUT, OPTIONS", map[string]deed{
		"GET": {(*call).linkedFile, linked | slow}, "HEAD": {(*call).linkedFile, linked | slow}, "PUT": {(*call).preview, write | slow},
	}}
	fileRoutes = []*route{routeUploads, routeFile, routeLinked, routePreview}
	routes     = []*route{routeUploads, routeFile, routeLinked, routePreview, routeRooms, routeRoom, routePage, routePins, routeRead, routeReads, routeMembers, routeMessages, routeMessage, routePin, routeReaction, routeReactions, routeReplies, routeReaders}
)

// Routes lists the places of the API by their names in metrics.
func Routes() []string {
	names := []string{routeLongPoll}
	for _, r := range routes {
		names = append(names, r.name)
	}
	return names
}

// reading is a place where there is only something to read. HEAD is answered as GET.
func reading(answer func(*call)) map[string]deed {
	return map[string]deed{"GET": {answer, read}, "HEAD": {answer, read}}
}

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

// locate finds the route of a path, and what the path holds. An emoji is taken from the path as
// it was sent: it may have slashes and dots of its own, which are no parts of the path.
func locate(path, original string) (r *route, id, emoji string) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(original, "/"), apiPrefix+"messages/")
	if id, emoji, found := strings.Cut(rest, "/reactions/"); ok && found && emoji != "" && !strings.Contains(emoji, "/") && !strings.Contains(id, "/") {
		return routeReaction, id, emoji
	}
	r, id = match(path)
	return r, id, ""
}

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
		case "":
			return routeRoom, id
		case "pins":
			return routePins, id
		case "messages":
			return routePage, id
		case "read":
			return routeRead, id
		case "reads":
			return routeReads, id
		case "members":
			return routeMembers, id
		case "attachments":
			return routeUploads, id
		}
	case "attachments":
		if !deeper {
			return nil, ""
		}
		switch id, end, _ := strings.Cut(rest, "/"); end {
		case "":
			return routeFile, id
		case "preview":
			return routePreview, id
		default:
			if !strings.Contains(end, "/") {
				return routeLinked, id
			}
		}
	case "messages":
		if !deeper {
			return routeMessages, ""
		}
		switch id, end, _ := strings.Cut(rest, "/"); end {
		case "":
			return routeMessage, id
		case "pin":
			return routePin, id
		case "reactions":
			return routeReactions, id
		case "replies":
			return routeReplies, id
		case "readers":
			return routeReaders, id
		}
	}
	return nil, ""
}
