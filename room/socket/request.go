package socket

import (
	"cmp"
	"iter"
	"net/http"
	"strings"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// pathPrefix stands before the trip's id in the path of a session. Without one it is that of a
// user socket, which needs a version of the protocol.
const (
	pathPrefix        = "/ws/chat/"
	userSocketVersion = 2
)

// request turns a handshake into a session, or into the HTTP refusal that it
// gets. A trip id that is no UUID is let pass: the token is judged before it.
func (h *Handler) request(r *netpoll.Request) (*session, *refusal) {
	userSocket := r.Path == pathPrefix || r.Path+"/" == pathPrefix
	place, ok := strings.CutPrefix(r.Path, pathPrefix)
	place = strings.TrimSuffix(place, "/")
	if (!ok || place == "" || strings.Contains(place, "/")) && !userSocket {
		return nil, refuse("path", http.StatusNotFound, "Not found.", protocol.CodeNotFound)
	}
	if !h.cfg.AllowOrigin(r.Origin, r.Host) {
		no := refuse("origin", http.StatusForbidden, "This origin is not allowed.", protocol.CodeForbidden)
		no.detail = r.Origin
		return nil, no
	}
	query := paramsOf(r.RawQuery)
	s := &session{h: h, version: 1}
	s.seat.session = s
	if query.version.given {
		version, ok := protocol.ParseVersion(query.version.value)
		if !ok {
			return nil, refuse("version", http.StatusBadRequest, "v must be a whole number, 1 or more.", protocol.CodeInvalidField)
		}
		s.version = uint8(version)
	}
	if userSocket && s.version < userSocketVersion {
		return nil, refuse("version", http.StatusBadRequest, "Without a trip the version must be given, and be 2 or more.", protocol.CodeInvalidField)
	}
	var resume *room.SinceQuery
	if query.since.given {
		since, ok := protocol.ParseSeq(query.since.value)
		if !ok {
			return nil, refuse("since", http.StatusBadRequest, "since must be a whole number, 0 or more.", protocol.CodeInvalidField)
		}
		resume = &room.SinceQuery{Since: since}
	}
	if query.sinceID.given {
		last, ok := protocol.ParseID(query.sinceID.value)
		if !ok || resume == nil {
			return nil, refuse("since", http.StatusBadRequest, "since_id must be a message's id, and goes with since only.", protocol.CodeInvalidField)
		}
		resume.Last = last
	}
	if resume != nil {
		s.seat.wait().resume = resume
	}
	offered, caravan := offer(r.Protocols())
	if caravan {
		r.Protocol = subprotocol
	}
	door := newDoor(room.EnterRequest{Bearer: cmp.Or(query.token.value, offered, bearer(r.Authorization))})
	if door.UserOnly = userSocket; userSocket {
		s.seats = new(seats)
	} else {
		door.Place, door.PlaceOK = protocol.ParseID(place)
	}
	s.door = door
	return s, nil
}

// The subprotocols that clients offer together: the one that they speak, and one that bears
// their token, as browsers have no other place for it than the URL.
const (
	subprotocol = "caravan"
	tokenPrefix = "token."
)

// offer returns the first token that a client offers as a subprotocol. That counts only
// beside the subprotocol that can be chosen: the server never answers with a token.
func offer(protocols iter.Seq[string]) (token string, caravan bool) {
	for p := range protocols {
		caravan = caravan || p == subprotocol
		if t, ok := strings.CutPrefix(p, tokenPrefix); ok && token == "" {
			token = t
		}
	}
	if !caravan {
		return "", false
	}
	return token, true
}

// bearer returns the token of an Authorization header (RFC 6750 section 2.1).
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func refuse(why string, status int, detail string, code protocol.Code) *refusal {
	return &refusal{why: why, Refusal: &netpoll.Refusal{Status: status, ContentType: "application/json", Body: protocol.AppendRESTError(nil, detail, code)}}
}
