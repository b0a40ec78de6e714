package rest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/rest"
)

func TestReadMarks(t *testing.T) {
	c := newChat(5)
	n := start(t, c)
	rooms := "/api/v1/chat/rooms/"
	for _, place := range []uuid.UUID{c.place.ID, c.place.TripID} {
		for path, want := range map[string]string{"/read/": `{"read_seq":3,"unread":2,"mentions":0}`, "/read": `{"read_seq":3,"unread":2,"mentions":0}`} {
			if got := n.ask(t, "POST", rooms+place.String()+path, `{"seq":3}`); got.StatusCode != 200 || got.body != want {
				t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
			}
		}
	}
	if got := n.ask(t, "POST", rooms+c.place.ID.String()+"/read/", `{"seq":4}`, "Authorization", "Bearer jonas"); got.body != `{"read_seq":4,"unread":1,"mentions":0}` {
		t.Errorf("jonas: %s", got.body)
	}

	var users []string
	pages := 0
	for next := rooms + c.place.ID.String() + "/reads/?limit=1"; next != ""; pages++ {
		got := n.ask(t, "GET", strings.TrimPrefix(next, "http://"+n.addr), "")
		var page struct {
			Results []struct {
				UserID    string `json:"user_id"`
				ReadSeq   int64  `json:"read_seq"`
				UpdatedAt string `json:"updated_at"`
			}
			Next *string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.StatusCode != 200 || len(page.Results) != 1 {
			t.Fatalf("%d %s, %v", got.StatusCode, got.body, err)
		}
		r := page.Results[0]
		users = append(users, r.UserID)
		if want := c.marks[uuid.MustParse(r.UserID)]; r.ReadSeq != want || r.UpdatedAt != "1970-01-01T00:00:00.000000Z" {
			t.Errorf("%+v, want %d", r, want)
		}
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	if pages != 2 || users[0] == users[1] {
		t.Errorf("%d pages: %v", pages, users)
	}
}

func TestReadMarksAreRefused(t *testing.T) {
	c := newChat(2)
	n := start(t, c)
	read, reads := "/api/v1/chat/rooms/"+c.place.ID.String()+"/read/", "/api/v1/chat/rooms/"+c.place.ID.String()+"/reads/"
	for _, x := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", read, `{"seq":-1}`, 400, "invalid_seq"},
		{"POST", read, `{}`, 400, "invalid_seq"},
		{"POST", read, `{"seq":"1"}`, 400, "invalid_field"},
		{"POST", read, ``, 400, "invalid_json"},
		{"POST", "/api/v1/chat/rooms/" + uuid.NewString() + "/read/", `{"seq":1}`, 404, "not_found"},
		{"POST", "/api/v1/chat/rooms/7/read/", `{"seq":1}`, 404, "not_found"},
		{"GET", read, "", 405, "method_not_allowed"},
		{"POST", reads, `{"seq":1}`, 405, "method_not_allowed"},
		{"GET", reads + "?limit=0", "", 400, "invalid_parameter"},
		{"GET", reads + "?after=x", "", 400, "invalid_parameter"},
		{"GET", "/api/v1/chat/rooms/" + uuid.NewString() + "/reads/", "", 404, "not_found"},
	} {
		if got := n.ask(t, x.method, x.path, x.body); got.StatusCode != x.status || got.code() != x.code {
			t.Errorf("%s %s %s: %d %s", x.method, x.path, x.body, got.StatusCode, got.body)
		}
	}
	if len(c.marks) != 0 {
		t.Errorf("marks %v", c.marks)
	}
}

// TestMembersArePaged: who may be in the room, with what is known of each.
func TestMembersArePaged(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/members/"
	if got := n.ask(t, "GET", path, ""); got.StatusCode != 200 || got.body != `{"online":7,"results":[],"next":null}` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	want := make(map[uuid.UUID]bool)
	c.marks = make(map[uuid.UUID]int64)
	for i := range 5 {
		user := uuid.New()
		c.marks[user], want[user] = int64(i), i > 1
	}
	pages := 0
	for next := path + "?limit=2"; next != ""; pages++ {
		got := n.ask(t, "GET", strings.TrimPrefix(next, "http://"+n.addr), "")
		var page struct {
			Online  int
			Results []struct {
				User     struct{ ID, Email string }
				Role     string
				Online   bool
				LastSeen *time.Time `json:"last_seen"`
			}
			Next *string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.StatusCode != 200 || page.Online != 7 || len(page.Results) == 0 {
			t.Fatalf("%d %s, %v", got.StatusCode, got.body, err)
		}
		for _, m := range page.Results {
			id := uuid.MustParse(m.User.ID)
			if online, there := want[id]; !there || m.Online != online || m.Role != "member" || m.LastSeen != nil {
				t.Errorf("%+v", m)
			}
			delete(want, id)
		}
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	if pages != 3 || len(want) != 0 {
		t.Errorf("%d pages, %v are left", pages, want)
	}
	for _, query := range []string{"?limit=0", "?limit=201", "?after=", "?after=x"} {
		if got := n.ask(t, "GET", path+query, ""); got.StatusCode != 400 || got.code() != "invalid_parameter" {
			t.Errorf("%s: %d %s", query, got.StatusCode, got.body)
		}
	}
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/"+uuid.NewString()+"/members/", ""); got.StatusCode != 404 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestReadersArePaged(t *testing.T) {
	c := newChat(3)
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.messages[1].ID.String() + "/readers/"
	if got := n.ask(t, "GET", path, ""); got.StatusCode != 200 || got.body != `{"count":0,"results":[],"next":null}` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	want := map[uuid.UUID]bool{}
	c.marks = make(map[uuid.UUID]int64)
	for i := range 5 {
		user := uuid.New()
		c.marks[user] = int64(i)
		if i >= 2 {
			want[user] = true
		}
	}
	c.marks[c.messages[1].Sender.ID] = 3
	pages := 0
	for next := path + "?limit=2"; next != ""; pages++ {
		got := n.ask(t, "GET", strings.TrimPrefix(next, "http://"+n.addr), "")
		var page struct {
			Count   int
			Results []struct{ ID, Email string }
			Next    *string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.StatusCode != 200 || page.Count != 3 || len(page.Results) == 0 {
			t.Fatalf("%d %s, %v", got.StatusCode, got.body, err)
		}
		for _, u := range page.Results {
			if id := uuid.MustParse(u.ID); !want[id] || u.Email != "somebody@example.com" {
				t.Errorf("%+v", u)
			} else {
				delete(want, id)
			}
		}
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	if pages != 2 || len(want) != 0 {
		t.Errorf("%d pages, without %v", pages, want)
	}
	for _, x := range []struct {
		path   string
		status int
		code   string
	}{
		{path + "?limit=0", 400, "invalid_parameter"},
		{path + "?after=x", 400, "invalid_parameter"},
		{path + "?after=", 400, "invalid_parameter"},
		{"/api/v1/chat/messages/7/readers/", 404, "not_found"},
		{"/api/v1/chat/messages/" + uuid.NewString() + "/readers/", 404, "not_found"},
	} {
		if got := n.ask(t, "GET", x.path, ""); got.StatusCode != x.status || got.code() != x.code {
			t.Errorf("%s: %d %s", x.path, got.StatusCode, got.body)
		}
	}
}

func TestReadMarksCountAsWrites(t *testing.T) {
	c := newChat(2)
	n := start(t, c, func(cfg *rest.Config) {
		cfg.Allowances = allowance.New(allowance.Rates{allowance.RESTWrites: {PerSecond: 1, Burst: 2}})
	})
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/read/"
	for i, want := range []int{200, 200, 429} {
		if got := n.ask(t, "POST", path, `{"seq":1}`); got.StatusCode != want {
			t.Errorf("call %d: %d %s", i, got.StatusCode, got.body)
		}
	}
}

// TestWhoIsRemovedDuringACallGetsWhatOthersGet: the room is not found, whatever they ask
// for.
func TestWhoIsRemovedDuringACallGetsWhatOthersGet(t *testing.T) {
	c := newChat(1)
	c.do = func(_ context.Context, op *room.Op) error {
		if op.Room != c.place.ID || op.Trip != c.place.TripID || op.Sender != c.amina {
			t.Errorf("op %+v", op)
		}
		op.Outcome, op.Err = room.Refused, protocol.ErrNotCollaborator
		return nil
	}
	n := start(t, c)
	for _, x := range [][3]string{
		{"POST", "messages/", `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`},
		{"PATCH", "messages/" + c.messages[0].ID.String() + "/", `{"content":"x"}`},
		{"POST", "rooms/" + c.place.ID.String() + "/read/", `{"seq":1}`},
		{"DELETE", "messages/" + c.messages[0].ID.String() + "/", ""},
		{"PUT", "messages/" + c.messages[0].ID.String() + "/pin/", ""},
		{"PUT", "messages/" + c.messages[0].ID.String() + "/reactions/x/", ""},
		{"DELETE", "messages/" + c.messages[0].ID.String() + "/pin/", ""},
	} {
		if got := n.ask(t, x[0], "/api/v1/chat/"+x[1], x[2]); got.StatusCode != 404 || got.code() != "not_found" {
			t.Errorf("%s %s: %d %s", x[0], x[1], got.StatusCode, got.body)
		}
	}
}

// TestARoleThatDoesNotAllowIsAnswered403: what the caller may is as the access says, at each
// call.
func TestARoleThatDoesNotAllowIsAnswered403(t *testing.T) {
	c := newChat(1)
	var may protocol.Permissions
	c.access = func(uuid.UUID, uuid.UUID) (room.Access, error) {
		return room.Access{UserKnown: true, User: c.amina, Allowed: true, May: may, Room: c.place}, nil
	}
	c.do = func(_ context.Context, op *room.Op) error {
		if op.Outcome, op.Message = room.Stored, &c.messages[0]; !op.May.Has(op.Kind.Needs()) {
			op.Outcome, op.Message, op.Err = room.Refused, nil, protocol.ErrNotAllowed
		}
		return nil
	}
	n := start(t, c)
	send := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	message := "/api/v1/chat/messages/" + c.messages[0].ID.String() + "/"
	for _, call := range []struct {
		may                protocol.Permissions
		method, path, body string
		status             int
		code               string
	}{
		{0, "POST", "/api/v1/chat/messages/", send, 403, "not_allowed"},
		{protocol.MaySend, "POST", "/api/v1/chat/messages/", send, 201, ""},
		{protocol.MaySend, "PATCH", message, `{"content":"y"}`, 403, "not_allowed"},
		{protocol.MayEdit, "PATCH", message, `{"content":"y"}`, 200, ""},
		{0, "GET", message, "", 200, ""},
		{0, "POST", "/api/v1/chat/rooms/" + c.place.ID.String() + "/read/", `{"seq":1}`, 200, ""},
	} {
		may = call.may
		if a := n.ask(t, call.method, call.path, call.body); a.StatusCode != call.status || call.code != "" && a.code() != call.code {
			t.Errorf("%s %s: %d, %s", call.method, call.path, a.StatusCode, a.body)
		}
	}
}
