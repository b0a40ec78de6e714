package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestMessagesAreDeletedByWhoMay: a moderator deletes what others wrote. What the role does
// not permit is refused by the service, and as what the service says.
func TestMessagesAreDeletedByWhoMay(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.messages[0].ID.String()
	var asked []*room.Op
	c.do = func(_ context.Context, op *room.Op) error {
		asked = append(asked, op)
		if op.Outcome, op.Message = room.Stored, &c.messages[0]; op.May == 0 {
			op.Outcome, op.Message, op.Err = room.Refused, nil, protocol.ErrNotAllowed
		}
		return nil
	}
	var may protocol.Permissions
	c.access = func(user, place uuid.UUID) (room.Access, error) {
		u := map[uuid.UUID]protocol.User{c.amina.ID: c.amina, c.jonas.ID: c.jonas}[user]
		return room.Access{UserKnown: true, User: u, Allowed: place == c.place.ID, May: may, Room: c.place}, nil
	}
	for _, x := range []struct {
		who, path string
		may       protocol.Permissions
		status    int
		code      string
		asked     int
	}{
		{"amina", path + "/", protocol.MayDefault, 200, "", 1},
		{"amina", path, protocol.MayDefault, 200, "", 1},
		{"jonas", path, protocol.MayAll, 200, "", 1},
		{"jonas", path, protocol.MayDefault, 403, "forbidden", 0},
		{"jonas", path, protocol.MayAll &^ protocol.MayModerate, 403, "forbidden", 0},
		{"amina", path, 0, 403, "not_allowed", 1},
		{"amina", path[:len(path)-1], protocol.MayAll, 404, "not_found", 0},
		{"amina", "/api/v1/chat/messages/" + uuid.NewString(), protocol.MayAll, 404, "not_found", 0},
		{"amina", "/api/v1/chat/messages/" + strings.ToUpper(c.messages[0].ID.String()), protocol.MayAll, 200, "", 1},
		{"nobody", path, protocol.MayAll, 401, "unauthorized", 0},
	} {
		asked, may = nil, x.may
		got := n.ask(t, "DELETE", x.path, "", "Authorization", "Bearer "+x.who)
		if got.StatusCode != x.status || x.code != "" && got.code() != x.code || len(asked) != x.asked {
			t.Errorf("%s may %b: %d %s, asked %d times; want %d %s", x.who, x.may, got.StatusCode, got.body, len(asked), x.status, x.code)
		}
		for _, op := range asked {
			if op.Kind != protocol.KindDelete || op.MessageID != c.messages[0].ID || op.Room != c.place.ID || op.Trip != c.place.TripID || op.May != x.may {
				t.Errorf("asked for %+v", op)
			}
		}
	}
}

// TestWhatNeedsNoBodyTakesAny: a body that a call has no use for changes nothing, and the
// connection goes on behind it.
func TestWhatNeedsNoBodyTakesAny(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	for name, body := range map[string]string{
		"none":       "\r\n",
		"empty":      "Content-Length: 0\r\n\r\n",
		"JSON":       jsonFields + "Content-Length: 2\r\n\r\n{}",
		"nonsense":   "Content-Type: image/png\r\nContent-Length: 3\r\n\r\n\x00\xff{",
		"compressed": "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
	} {
		conn, in := dial(t, n.addr)
		write(t, conn, "DELETE /api/v1/chat/messages/"+c.messages[0].ID.String()+"/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n"+body+goodGet)
		for range 2 {
			if got := read(t, in); got.StatusCode != 200 {
				t.Errorf("%s: %s", name, got.Status)
			}
		}
	}
	// In chunks, and larger than what has come: answered, and then the connection ends.
	for name, body := range map[string]string{
		"chunks": "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"huge":   "Content-Length: 100000000\r\n\r\n{}",
	} {
		conn, in := dial(t, n.addr)
		write(t, conn, "DELETE /api/v1/chat/messages/"+c.messages[0].ID.String()+"/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n"+body)
		if got := read(t, in); got.StatusCode != 200 || !got.Close {
			t.Errorf("%s: %s, close %v", name, got.Status, got.Close)
		}
	}
}

// TestEveryPlaceSaysWhatMayBeAskedFor: in Allow, to pages of other origins, and in the
// answer to what may not.
func TestEveryPlaceSaysWhatMayBeAskedFor(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	place, message := "rooms/"+c.place.ID.String()+"/", "messages/"+c.messages[0].ID.String()+"/"
	for path, allow := range map[string]string{
		"rooms/":                "GET, HEAD, OPTIONS",
		place + "messages/":     "GET, HEAD, OPTIONS",
		place:                   "GET, HEAD, OPTIONS",
		place + "pins/":         "GET, HEAD, OPTIONS",
		message + "pin/":        "PUT, DELETE, OPTIONS",
		message + "reactions/":  "GET, HEAD, OPTIONS",
		message + "readers/":    "GET, HEAD, OPTIONS",
		message + "reactions/x": "PUT, DELETE, OPTIONS",
		place + "read/":         "POST, OPTIONS",
		place + "reads/":        "GET, HEAD, OPTIONS",
		"messages/":             "POST, OPTIONS",
		message:                 "GET, HEAD, PATCH, DELETE, OPTIONS",
		message + "replies/":    "GET, HEAD, OPTIONS",
	} {
		flight := n.ask(t, "OPTIONS", "/api/v1/chat/"+path, "", "Origin", "https://app.example", "Access-Control-Request-Method", "DELETE", "Authorization", "")
		if flight.StatusCode != 204 || flight.Header.Get("Access-Control-Allow-Methods") != allow || flight.Header.Get("Allow") != allow {
			t.Errorf("%s: %d %v", path, flight.StatusCode, flight.Header)
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
			if strings.Contains(allow, method) {
				continue
			}
			if got := n.ask(t, method, "/api/v1/chat/"+path, ""); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != allow || got.code() != "method_not_allowed" {
				t.Errorf("%s %s: %d %s, Allow %q", method, path, got.StatusCode, got.body, got.Header.Get("Allow"))
			}
		}
	}
}
