package rest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func TestWhatIsRefusedAndHow(t *testing.T) {
	c := newChat(3)
	n := start(t, c)
	rooms, messages := "/api/v1/chat/rooms/", "/api/v1/chat/messages/"
	page := rooms + c.place.ID.String() + "/messages/"
	mine := messages + c.messages[0].ID.String() + "/"
	send := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	for _, a := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"unknown path", "GET", "/nowhere", "", nil, 404, "not_found"},
		{"root without a demo", "GET", "/", "", nil, 404, "not_found"},
		{"half a path", "GET", "/api/v1/chat/", "", nil, 404, "not_found"},
		{"below a path", "GET", page + "more", "", nil, 404, "not_found"},
		{"room that is no UUID alone", "GET", rooms + "7/", "", nil, 404, "not_found"},
		{"unknown room alone", "GET", rooms + uuid.NewString(), "", nil, 404, "not_found"},
		{"method of a room", "PATCH", rooms + c.place.ID.String() + "/", "{}", nil, 405, "method_not_allowed"},
		{"pins of an unknown room", "GET", rooms + uuid.NewString() + "/pins/", "", nil, 404, "not_found"},
		{"pins after nothing", "GET", rooms + c.place.ID.String() + "/pins/?cursor=", "", nil, 400, "invalid_parameter"},
		{"pins after a time", "GET", rooms + c.place.ID.String() + "/pins/?cursor=17", "", nil, 400, "invalid_parameter"},
		{"pins after an id", "GET", rooms + c.place.ID.String() + "/pins/?cursor=." + uuid.NewString(), "", nil, 400, "invalid_parameter"},
		{"pins after much", "GET", rooms + c.place.ID.String() + "/pins/?cursor=99999999999999999999." + uuid.NewString(), "", nil, 400, "invalid_parameter"},
		{"pins after no time of any database", "GET", rooms + c.place.ID.String() + "/pins/?cursor=-1000000000000000000." + uuid.NewString(), "", nil, 400, "invalid_parameter"},
		{"pins after the year 9999", "GET", rooms + c.place.ID.String() + "/pins/?cursor=253402300800000000." + uuid.NewString(), "", nil, 400, "invalid_parameter"},
		{"pin an unknown message", "PUT", messages + uuid.NewString() + "/pin/", "", nil, 404, "not_found"},
		{"pin what is no UUID", "PUT", messages + "7/pin", "", nil, 404, "not_found"},
		{"unpin as nobody", "DELETE", mine + "pin/", "", []string{"Authorization", ""}, 401, "unauthorized"},
		{"no such user pins", "PUT", mine + "pin/", "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"method of pin", "POST", mine + "pin/", "{}", nil, 405, "method_not_allowed"},
		{"method of rooms", "POST", rooms, "{}", nil, 405, "method_not_allowed"},
		{"method of messages", "GET", messages, "", nil, 405, "method_not_allowed"},
		{"method of message", "PUT", mine, "", nil, 405, "method_not_allowed"},
		{"delete another's", "DELETE", mine, "", []string{"Authorization", "Bearer jonas"}, 403, "forbidden"},
		{"delete as nobody", "DELETE", mine, "", []string{"Authorization", ""}, 401, "unauthorized"},
		{"no such user deletes", "DELETE", mine, "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"delete unknown", "DELETE", messages + uuid.NewString(), "", nil, 404, "not_found"},
		{"delete what is no UUID", "DELETE", messages + "7", "", nil, 404, "not_found"},
		{"delete a room", "DELETE", page, "", nil, 405, "method_not_allowed"},
		{"odd method", "BREW", page, "", nil, 405, "method_not_allowed"},
		{"no token", "GET", rooms, "", []string{"Authorization", ""}, 401, "unauthorized"},
		{"token in the query", "GET", rooms + "?token=amina", "", []string{"Authorization", ""}, 401, "unauthorized"},
		{"other scheme", "GET", rooms, "", []string{"Authorization", "Basic amina"}, 401, "unauthorized"},
		{"scheme alone", "GET", rooms, "", []string{"Authorization", "Bearer "}, 401, "unauthorized"},
		{"bad token", "GET", rooms, "", []string{"Authorization", "Bearer nonsense"}, 401, "unauthorized"},
		{"no such user lists rooms", "GET", rooms, "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"no such user reads", "GET", page, "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"no such user at no UUID", "GET", rooms + "7/messages/", "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"no such user sends", "POST", messages, send, []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"no such user reads one", "GET", mine, "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"no such user reads none", "GET", messages + uuid.NewString(), "", []string{"Authorization", "Bearer stranger"}, 401, "unauthorized"},
		{"room that is no UUID", "GET", rooms + "7/messages/", "", nil, 404, "not_found"},
		{"room in braces", "GET", rooms + "{" + c.place.ID.String() + "}/messages/", "", nil, 404, "not_found"},
		{"unknown room", "GET", rooms + uuid.NewString() + "/messages/", "", nil, 404, "not_found"},
		{"message that is no UUID", "GET", messages + "7", "", nil, 404, "not_found"},
		{"unknown message", "GET", messages + uuid.NewString(), "", nil, 404, "not_found"},
		{"limit 0", "GET", page + "?limit=0", "", nil, 400, "invalid_parameter"},
		{"limit 201", "GET", page + "?limit=201", "", nil, 400, "invalid_parameter"},
		{"limit empty", "GET", page + "?limit=", "", nil, 400, "invalid_parameter"},
		{"limit of rooms", "GET", rooms + "?limit=x", "", nil, 400, "invalid_parameter"},
		{"cursor of rooms", "GET", rooms + "?cursor=x", "", nil, 400, "invalid_parameter"},
		{"before negative", "GET", page + "?before=-1", "", nil, 400, "invalid_parameter"},
		{"after no number", "GET", page + "?after=1.5", "", nil, 400, "invalid_parameter"},
		{"since signed", "GET", page + "?since=%2B1", "", nil, 400, "invalid_parameter"},
		{"since far below", "GET", page + "?since=-99999999999999999999", "", nil, 400, "invalid_parameter"},
		{"since and before", "GET", page + "?since=1&before=2", "", nil, 400, "invalid_parameter"},
		{"since and after", "GET", page + "?since=1&after=2", "", nil, 400, "invalid_parameter"},
		{"before and after", "GET", page + "?before=1&after=2", "", nil, 400, "invalid_parameter"},
		{"wait alone", "GET", page + "?wait=1s", "", nil, 400, "invalid_parameter"},
		{"wait too long", "GET", page + "?since=1&wait=61s", "", nil, 400, "invalid_parameter"},
		{"wait negative", "GET", page + "?since=1&wait=-1s", "", nil, 400, "invalid_parameter"},
		{"wait no time", "GET", page + "?since=1&wait=soon", "", nil, 400, "invalid_parameter"},
		{"send as text", "POST", messages, send, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type"},
		{"send without a type", "POST", messages, send, []string{"Content-Type", ""}, 415, "unsupported_media_type"},
		{"send compressed", "POST", messages, send, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		{"send nothing", "POST", messages, "", nil, 400, "invalid_json"},
		{"send no JSON", "POST", messages, "{", nil, 400, "invalid_json"},
		{"send to no room", "POST", messages, `{"content":"x"}`, nil, 400, "invalid_field"},
		{"send to no UUID", "POST", messages, `{"chat_room":"7","content":"x"}`, nil, 404, "not_found"},
		{"send to a foreign room", "POST", messages, `{"chat_room":"` + uuid.NewString() + `","content":"x"}`, nil, 404, "not_found"},
		{"send nothing but spaces", "POST", messages, strings.Replace(send, "x", "  ", 1), nil, 400, "empty_content"},
		{"send too much", "POST", messages, strings.Replace(send, "x", strings.Repeat("x", 101), 1), nil, 400, "too_long"},
		{"send a huge body", "POST", messages, strings.Repeat(" ", 1<<20), nil, 413, "too_large"},
		{"edit nothing", "PATCH", mine, "", nil, 400, "invalid_json"},
		{"edit as text", "PATCH", mine, `{"content":"x"}`, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type"},
		{"edit another's", "PATCH", mine, `{"content":"x"}`, []string{"Authorization", "Bearer jonas"}, 403, "forbidden"},
		{"edit unknown", "PATCH", messages + uuid.NewString(), `{"content":"x"}`, nil, 404, "not_found"},
		{"WebSocket without upgrade", "GET", "/ws/chat/" + c.place.TripID.String() + "/", "", nil, 426, "upgrade_required"},
		{"large header", "GET", rooms, "", []string{"X-Large", strings.Repeat("x", 20_000)}, 431, "too_large"},
	} {
		t.Run(a.name, func(t *testing.T) {
			got := n.ask(t, a.method, a.path, a.body, a.header...)
			if got.StatusCode != a.status || got.code() != a.code {
				t.Fatalf("got %d %s, want %d %s", got.StatusCode, got.body, a.status, a.code)
			}
			if ct := got.Header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type %q", ct)
			}
			if a.status == 401 && got.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate %q", got.Header.Get("WWW-Authenticate"))
			}
			if a.status == 405 && !strings.Contains(got.Header.Get("Allow"), "OPTIONS") {
				t.Errorf("Allow %q", got.Header.Get("Allow"))
			}
			if a.status == 426 && got.Header.Get("Upgrade") != "websocket" {
				t.Errorf("Upgrade %q", got.Header.Get("Upgrade"))
			}
		})
	}
	if got := n.seen.count("page", 400); got == 0 {
		t.Error("the observer heard of no refused page")
	}
}

func TestTroubleOfTheDomainHasItsStatus(t *testing.T) {
	refuse := func(e *protocol.Error) func(context.Context, *room.Op) error {
		return func(_ context.Context, op *room.Op) error {
			op.Outcome, op.Err = room.Refused, e
			return nil
		}
	}
	for _, a := range []struct {
		name   string
		change func(*chat)
		method string
		status int
		code   string
	}{
		{"store away at the door", func(c *chat) {
			c.access = func(uuid.UUID, uuid.UUID) (room.Access, error) { return room.Access{}, room.ErrUnavailable }
		}, "GET", 503, "unavailable"},
		{"store away at the page", func(c *chat) {
			c.page = func(context.Context) (room.Page, error) { return room.Page{}, room.ErrUnavailable }
		}, "GET", 503, "unavailable"},
		{"an error nobody knows", func(c *chat) {
			c.page = func(context.Context) (room.Page, error) { return room.Page{}, errors.New("odd") }
		}, "GET", 500, "internal"},
		{"panic", func(c *chat) { c.page = func(context.Context) (room.Page, error) { panic("odd") } }, "GET", 500, "internal"},
		{"not stored", func(c *chat) { c.do = refuse(protocol.ErrUnavailable) }, "POST", 503, "unavailable"},
		{"unknown outcome", func(c *chat) { c.do = refuse(protocol.ErrUnknownOutcome) }, "POST", 503, "unknown_outcome"},
		{"no outcome in time", func(c *chat) {
			c.do = func(context.Context, *room.Op) error { return context.DeadlineExceeded }
		}, "POST", 503, "unknown_outcome"},
		{"full room", func(c *chat) { c.do = refuse(protocol.ErrRoomQuota) }, "POST", 429, "quota"},
		{"too many messages of the day", func(c *chat) { c.do = refuse(protocol.ErrUserQuota) }, "POST", 429, "quota"},
		{"foreign reply", func(c *chat) { c.do = refuse(protocol.ErrInvalidReply) }, "POST", 400, "invalid_reply"},
		{"deleted meanwhile", func(c *chat) { c.do = refuse(protocol.ErrNotFound) }, "POST", 404, "not_found"},
		{"too many pins", func(c *chat) { c.do = refuse(protocol.ErrTooManyPins) }, "POST", 400, "too_many_pins"},
		{"the role does not permit it", func(c *chat) { c.do = refuse(protocol.ErrNotAllowed) }, "POST", 403, "not_allowed"},
		{"refused by the database", func(c *chat) { c.do = refuse(protocol.ErrInvalidContent) }, "POST", 400, "invalid_content"},
	} {
		t.Run(a.name, func(t *testing.T) {
			c := newChat(1)
			a.change(c)
			n := start(t, c)
			path, body := "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/", ""
			if a.method == "POST" {
				path, body = "/api/v1/chat/messages/", `{"chat_room":"`+c.place.TripID.String()+`","content":"x"}`
			}
			got := n.ask(t, a.method, path, body)
			if got.StatusCode != a.status || got.code() != a.code {
				t.Errorf("got %d %s, want %d %s", got.StatusCode, got.body, a.status, a.code)
			}
			if wants := a.status == 503 || a.status == 429; wants != (got.Header.Get("Retry-After") != "") {
				t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
			}
			if want := int64(0); a.name == "panic" {
				if want = 1; n.Stats().Panics != want {
					t.Errorf("%d panics counted, want %d", n.Stats().Panics, want)
				}
			}
		})
	}
}

// TestAnOpNeedNotBeAboutAMessage: a kind may store something else, or nothing new.
func TestAnOpNeedNotBeAboutAMessage(t *testing.T) {
	for _, outcome := range []room.Outcome{room.Stored, room.Duplicate} {
		c := newChat(0)
		c.do = func(_ context.Context, op *room.Op) error {
			op.Outcome = outcome
			return nil
		}
		n := start(t, c)
		got := n.ask(t, "POST", "/api/v1/chat/messages/", `{"chat_room":"`+c.place.TripID.String()+`","content":"x"}`)
		if got.StatusCode != 204 || len(got.body) != 0 || n.Stats().Panics != 0 {
			t.Errorf("outcome %d: got %d %s, %d panics", outcome, got.StatusCode, got.body, n.Stats().Panics)
		}
	}
}
