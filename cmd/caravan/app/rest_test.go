package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

const (
	roomsPath    = "/api/v1/chat/rooms/"
	messagesPath = "/api/v1/chat/messages/"
)

type page struct {
	Results        []message
	Next, Previous *string
	Seq            int64
	HasMore        bool `json:"has_more"`
}

type roomList struct {
	Results []struct {
		ID, Title   string
		TripID      string   `json:"trip_id"`
		LastSeq     int64    `json:"last_seq"`
		LastMessage *message `json:"last_message"`
	}
	Next *string
}

// post sends a message to a place as user i.
func (s *server) post(i int, place, content string) message {
	s.t.Helper()
	var m message
	s.call(bearer(s.t, i), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":%q}`, place, content)).into(s.t, 201, &m)
	return m
}

func TestRESTAloneIsAWholeChat(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		amina, jonas, stranger := bearer(t, 0), bearer(t, 2), bearer(t, 1)

		var list roomList
		s.call(amina, "GET", roomsPath, "").into(t, 200, &list)
		if len(list.Results) != 1 || list.Results[0].TripID != persist.FleetTrip(0).String() || list.Results[0].Title != "Trip 0" ||
			list.Results[0].LastSeq != 0 || list.Results[0].LastMessage != nil || list.Next != nil {
			t.Fatalf("rooms at first: %+v", list)
		}
		room, trip := list.Results[0].ID, list.Results[0].TripID

		first := s.post(0, trip, "  hello  ")
		if first.Content != "hello" || first.Seq != 1 || first.Rev != 1 || first.ChatRoomID != room || first.Sender.Email != "user0@example.com" ||
			first.Sender.FullName != "User 0" || first.MessageType != "text" || first.ReplyTo != nil || first.ClientID != nil || first.IsEdited || time.Since(first.CreatedAt) > time.Minute {
			t.Errorf("first: %+v", first)
		}
		var reply, again message
		body := `{"chat_room":"` + room + `","content":"hi","message_type":"file","reply_to":"` + first.ID + `","client_id":"c1"}`
		s.call(jonas, "POST", strings.TrimSuffix(messagesPath, "/"), body).into(t, 201, &reply)
		if reply.ReplyTo == nil || reply.ReplyTo.ID != first.ID || reply.ReplyTo.Content != "hello" || reply.ReplyTo.SenderEmail != "user0@example.com" ||
			reply.MessageType != "file" || reply.ClientID == nil || *reply.ClientID != "c1" || reply.Seq != 2 {
			t.Errorf("reply: %+v", reply)
		}
		s.call(jonas, "POST", messagesPath, body).into(t, 200, &again)
		if again.ID != reply.ID || again.Seq != 2 {
			t.Errorf("the same client_id again: %+v", again)
		}

		var read, edited message
		s.call(jonas, "GET", messagesPath+first.ID, "").into(t, 200, &read)
		if read.ID != first.ID || read.Content != "hello" {
			t.Errorf("read: %+v", read)
		}
		s.call(amina, "PATCH", messagesPath+first.ID+"/", `{"content":"hello, all"}`).into(t, 200, &edited)
		if edited.Content != "hello, all" || !edited.IsEdited || edited.Seq != 1 || edited.Rev != 4 || !edited.UpdatedAt.After(edited.CreatedAt) {
			t.Errorf("edited: %+v", edited)
		}
		if got := s.call(jonas, "PATCH", messagesPath+first.ID+"/", `{"content":"mine"}`); got.StatusCode != 403 {
			t.Errorf("another's message: %d %s", got.StatusCode, got.body)
		}
		for _, path := range []string{roomsPath + room + "/messages/", roomsPath + trip + "/messages/", messagesPath + first.ID} {
			if got := s.call(stranger, "GET", path, ""); got.StatusCode != 404 {
				t.Errorf("a stranger at %s: %d %s", path, got.StatusCode, got.body)
			}
		}
		if got := s.call(stranger, "PATCH", messagesPath+first.ID, `{"content":"mine"}`); got.StatusCode != 404 {
			t.Errorf("a stranger edits: %d %s", got.StatusCode, got.body)
		}
		if got := s.call(stranger, "POST", messagesPath, body); got.StatusCode != 404 {
			t.Errorf("a stranger sends: %d %s", got.StatusCode, got.body)
		}

		s.call(jonas, "GET", roomsPath, "").into(t, 200, &list)
		if r := list.Results[0]; r.LastSeq != 4 || r.LastMessage == nil || r.LastMessage.ID != reply.ID {
			t.Errorf("rooms at last: %+v", r)
		}
	})
}

func TestRESTMessagesHaveEveryFieldOfTheContract(t *testing.T) {
	s := start(t, sqliteFile(t))
	got := s.call(bearer(t, 0), "POST", messagesPath, `{"chat_room":"`+persist.FleetTrip(0).String()+`","content":"x"}`)
	var fields map[string]any
	got.into(t, 201, &fields)
	want := []string{"chat_room_id", "content", "created_at", "id", "is_edited", "message_type", "reply_to", "rev", "sender", "seq", "updated_at"}
	if names := slices.Sorted(maps.Keys(fields)); !slices.Equal(names, want) {
		t.Errorf("fields %v, want %v", names, want)
	}
	if at, ok := fields["created_at"].(string); !ok || !strings.HasSuffix(at, "Z") {
		t.Errorf("created_at %v is not in UTC", fields["created_at"])
	}
}

func TestRESTPagesLeadThroughTheWholeHistoryBothWays(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0")
		trip := persist.FleetTrip(0).String()
		for i := range 7 {
			s.post(0, trip, fmt.Sprint("m", i+1))
		}
		amina := bearer(t, 0)
		walk := func(path string, step func(*page) *string) (all []string) {
			for path != "" {
				var p page
				s.call(amina, "GET", path, "").into(t, 200, &p)
				var seqs strings.Builder
				for _, m := range p.Results {
					seqs.WriteString(fmt.Sprint(m.Seq))
				}
				all = append(all, seqs.String())
				path = ""
				if next := step(&p); next != nil {
					path = *next
				}
			}
			return all
		}
		messages := roomsPath + trip + "/messages"
		if got := walk(messages+"?limit=3", func(p *page) *string { return p.Previous }); !slices.Equal(got, []string{"567", "234", "1"}) {
			t.Errorf("backwards: %v", got)
		}
		if got := walk(messages+"/?limit=3&after=0", func(p *page) *string { return p.Next }); !slices.Equal(got, []string{"123", "456", "7"}) {
			t.Errorf("forwards: %v", got)
		}
		if got := walk(messages+"/?limit=3&before=4", func(p *page) *string { return p.Next }); !slices.Equal(got, []string{"123", "456", "7"}) {
			t.Errorf("back and forwards: %v", got)
		}
		if got := walk(messages+"/?limit=200", func(p *page) *string { return p.Previous }); !slices.Equal(got, []string{"1234567"}) {
			t.Errorf("at once: %v", got)
		}
		stay := func(*page) *string { return nil }
		for query, want := range map[string]string{"before=7": "123456", "before=8": "", "before=99999999999999999999": "", "after=7": "", "after=8": ""} {
			if got := walk(messages+"/?"+query, stay); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v, want %q", query, got, want)
			}
		}
	})
}

func TestRESTRoomListIsPaged(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		seeds := persist.Fleet(1, 5)
		for j := range seeds.Trips {
			seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: seeds.Trips[j].ID, User: seeds.Users[0].ID, Role: "member"})
		}
		s.seed(seeds)
		seen := make(map[string]bool)
		pages := 0
		for path := roomsPath + "?limit=2"; path != ""; pages++ {
			var list roomList
			s.call(bearer(t, 0), "GET", path, "").into(t, 200, &list)
			for _, r := range list.Results {
				if seen[r.ID] {
					t.Errorf("room %s twice", r.ID)
				}
				seen[r.ID] = true
			}
			path = ""
			if list.Next != nil {
				path = *list.Next
			}
		}
		if len(seen) != 5 || pages != 3 {
			t.Errorf("%d rooms on %d pages", len(seen), pages)
		}
	})
}

func TestRESTResumesByRev(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0")
		trip, amina := persist.FleetTrip(0).String(), bearer(t, 0)
		one := s.post(0, trip, "one")
		s.post(0, trip, "two")
		s.post(0, trip, "three")
		s.call(amina, "PATCH", messagesPath+one.ID, `{"content":"uno"}`).into(t, 200, &one)
		get := func(query string) (contents string, p page) {
			s.call(amina, "GET", roomsPath+trip+"/messages/?"+query, "").into(t, 200, &p)
			for _, m := range p.Results {
				contents += m.Content + " "
			}
			return contents, p
		}
		for _, c := range []struct {
			query, contents string
			seq             int64
			more            bool
		}{
			{"since=0", "two three uno ", 4, false},
			{"since=1", "two three uno ", 4, false},
			{"since=3", "uno ", 4, false},
			{"since=4", "", 4, false},
			{"since=5", "", 4, false},
			{"since=99999999999999999999", "", 4, false},
			{"since=0&limit=2", "two three ", 3, true},
			{"since=3&limit=1", "uno ", 4, false},
			{"since=0&wait=10s", "two three uno ", 4, false},
		} {
			if contents, p := get(c.query); contents != c.contents || p.Seq != c.seq || p.HasMore != c.more {
				t.Errorf("%s: %q, seq %d, has_more %v; want %q, %d, %v", c.query, contents, p.Seq, p.HasMore, c.contents, c.seq, c.more)
			}
		}
	})
}

func TestRESTAndWebSocketsAreOneRoom(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		trip := persist.FleetTrip(0).String()
		jonas, history := s.join(2, 0)
		if history.Type != "message_history" || len(history.Messages) != 0 || history.Seq != 0 {
			t.Fatalf("history: %+v", history)
		}
		m := s.post(0, trip, "by REST")
		if f := jonas.read(); f.Type != "chat_message" || f.Message.ID != m.ID || f.Seq != 1 {
			t.Errorf("a member got %+v", f)
		}
		s.call(bearer(t, 0), "PATCH", messagesPath+m.ID, `{"content":"edited by REST"}`).into(t, 200, &m)
		if f := jonas.read(); f.Type != "message_edited" || f.Message.Content != "edited by REST" || f.Seq != 2 {
			t.Errorf("a member got %+v", f)
		}

		// A long poll wakes up for a member's message.
		got := make(chan page, 1)
		go func() {
			var p page
			a := s.call(bearer(t, 0), "GET", roomsPath+trip+"/messages/?since=2&wait=60s", "")
			if err := json.Unmarshal(a.body, &p); err != nil {
				t.Errorf("%v in %s", err, a.body)
			}
			got <- p
		}()
		await.Until(t, "the poll waits", func() bool { return strings.Contains(string(s.admin("/metrics").body), "caravan_rest_long_polls 1") })
		jonas.send(`{"type":"chat_message","content":"by WebSocket"}`)
		p := await.Value(t, "the poll's answer", got)
		if len(p.Results) != 1 || p.Results[0].Content != "by WebSocket" || p.Seq != 3 || p.HasMore {
			t.Errorf("the poll got %+v", p)
		}
	})
}

func TestRESTTokensAreJudgedLikeEverywhere(t *testing.T) {
	s := start(t, sqliteFile(t))
	for name, bearer := range map[string]string{
		"expired":      sign(t, persist.FleetUser(0), -time.Minute),
		"unknown user": sign(t, uuid.New(), time.Hour),
		"other key":    bearer(t, 0)[:20] + "x" + bearer(t, 0)[21:],
		"garbage":      "a.b.c",
	} {
		for _, path := range []string{roomsPath, roomsPath + persist.FleetTrip(0).String() + "/messages/", messagesPath + uuid.NewString(), roomsPath + "7/messages/"} {
			got := s.call(bearer, "GET", path, "")
			if got.StatusCode != 401 || got.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s at %s: %d %s", name, path, got.StatusCode, got.body)
			}
		}
		if strings.Contains(s.log.String(), bearer) {
			t.Errorf("%s: the token is in the log", name)
		}
	}
}

func TestRESTBadBodiesAreRefusedAndNobodyElseNotices(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0", "--max-content", "20")
		jonas, _ := s.join(2, 0)
		room := `"chat_room":"` + persist.FleetTrip(0).String() + `"`
		foreign := s.post(1, persist.FleetTrip(1).String(), "elsewhere")
		for _, c := range []struct {
			body   string
			status int
			code   string
		}{
			{``, 400, "invalid_json"},
			{`null`, 400, ""},
			{`[]`, 400, ""},
			{`"x"`, 400, ""},
			{`{`, 400, "invalid_json"},
			{`{` + room + `,"content":"x"}}`, 400, "invalid_json"},
			{"{" + room + ",\"content\":\"\xff\"}", 400, "invalid_json"},
			{`{` + room + `}`, 400, "empty_content"},
			{`{` + room + `,"content":null}`, 400, "empty_content"},
			{`{` + room + `,"content":""}`, 400, "empty_content"},
			{`{` + room + `,"content":" \n\t\u00a0"}`, 400, "empty_content"},
			{`{` + room + `,"content":7}`, 400, ""},
			{`{` + room + `,"content":{"a":1}}`, 400, ""},
			{`{` + room + `,"content":"` + strings.Repeat("é", 21) + `"}`, 400, "too_long"},
			{`{` + room + `,"content":"a\u0000b"}`, 400, "invalid_content"},
			{`{` + room + `,"content":"x","message_type":"system"}`, 400, "invalid_message_type"},
			{`{` + room + `,"content":"x","message_type":7}`, 400, "invalid_message_type"},
			{`{` + room + `,"content":"x","reply_to":"7"}`, 400, "invalid_reply"},
			{`{` + room + `,"content":"x","reply_to":"` + uuid.NewString() + `"}`, 400, "invalid_reply"},
			{`{` + room + `,"content":"x","reply_to":"` + foreign.ID + `"}`, 400, "invalid_reply"},
			{`{` + room + `,"content":"x","client_id":""}`, 400, "invalid_client_id"},
			{`{` + room + `,"content":"x","client_id":"` + strings.Repeat("x", 65) + `"}`, 400, "invalid_client_id"},
			{`{` + room + `,"content":"x","client_id":7}`, 400, "invalid_client_id"},
			{`{"content":"x"}`, 400, ""},
			{`{"chat_room":7,"content":"x"}`, 404, "not_found"},
			{`{"chat_room":"7","content":"x"}`, 404, "not_found"},
			{`{"chat_room":"` + uuid.NewString() + `","content":"x"}`, 404, "not_found"},
			{`{"chat_room":"` + uuid.Nil.String() + `","content":"x"}`, 404, "not_found"},
		} {
			got := s.call(bearer(t, 0), "POST", messagesPath, c.body)
			if got.StatusCode != c.status || (c.code != "" && got.code() != c.code) || strings.HasPrefix(got.code(), "no error") {
				t.Errorf("%s: %d %s, want %d %s", c.body, got.StatusCode, got.body, c.status, c.code)
			}
		}
		s.post(0, persist.FleetTrip(0).String(), strings.Repeat("é", 20))
		if f := jonas.read(); f.Type != "chat_message" || f.Seq != 1 {
			t.Errorf("a member got %+v", f)
		}
	})
}

func TestRESTWritesAreLimitedPerUser(t *testing.T) {
	s := start(t, sqliteFile(t), "--rate", "1", "--burst", "2")
	trip := persist.FleetTrip(0).String()
	s.post(0, trip, "one")
	s.post(0, trip, "two")
	got := s.call(bearer(t, 0), "POST", messagesPath, `{"chat_room":"`+trip+`","content":"three"}`)
	if got.StatusCode != 429 || got.code() != "rate_limited" || got.Header.Get("Retry-After") == "" {
		t.Errorf("the third: %d %s", got.StatusCode, got.body)
	}
	s.post(2, trip, "another user")
}
