package rest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
)

// chat is a domain of one room with a few messages; each function may be
// replaced to make trouble that a real one seldom has.
type chat struct {
	amina, jonas protocol.User
	place        room.Info
	messages     []protocol.Message

	authenticate func(bearer string) (token.Identity, error)
	access       func(user, place uuid.UUID) (room.Access, error)
	do           func(ctx context.Context, op *room.Op) error
	wait         func(ctx context.Context) (room.Page, error)
	page         func() (room.Page, error)
}

func newChat(messages int) *chat {
	c := &chat{
		amina: protocol.User{ID: uuid.New(), Email: "amina@example.com"},
		jonas: protocol.User{ID: uuid.New(), Email: "jonas@example.com"},
		place: room.Info{ID: uuid.New(), TripID: uuid.New(), Title: "Lisbon", Seq: int64(messages)},
	}
	for i := range messages {
		c.messages = append(c.messages, protocol.Message{ID: uuid.New(), RoomID: c.place.ID, Sender: c.amina, Content: "hello", Type: protocol.TypeText, Seq: int64(i + 1), Rev: int64(i + 1)})
	}
	return c
}

func (c *chat) Authenticate(_ context.Context, bearer string) (token.Identity, error) {
	if c.authenticate != nil {
		return c.authenticate(bearer)
	}
	id := map[string]uuid.UUID{"amina": c.amina.ID, "jonas": c.jonas.ID, "stranger": uuid.New()}[bearer]
	if id == uuid.Nil {
		return token.Identity{}, room.ErrUnauthorized
	}
	return token.Identity{User: id, Expires: time.Now().Add(time.Hour)}, nil
}

func (c *chat) Access(_ context.Context, user, place uuid.UUID) (room.Access, error) {
	if c.access != nil {
		return c.access(user, place)
	}
	for _, u := range []protocol.User{c.amina, c.jonas} {
		if u.ID == user {
			return room.Access{UserKnown: true, User: u, Allowed: place == c.place.ID || place == c.place.TripID, Room: c.place}, nil
		}
	}
	return room.Access{}, nil
}

func (c *chat) Do(ctx context.Context, op *room.Op) error {
	if c.do != nil {
		return c.do(ctx, op)
	}
	m := protocol.Message{ID: uuid.New(), RoomID: op.Room, Sender: op.Sender, Content: op.Content, Type: op.Type, ClientID: op.ClientID}
	if op.Kind == room.OpEdit {
		m.ID, m.IsEdited = op.ID, true
	}
	op.Outcome, op.Message = room.Stored, &m
	return nil
}

func (c *chat) Page(_ context.Context, q room.PageQuery) (room.Page, error) {
	if c.page != nil {
		return c.page()
	}
	p := room.Page{Seq: c.place.Seq}
	switch {
	case q.Before != nil:
		for _, m := range c.messages {
			if m.Seq < *q.Before {
				p.Messages = append(p.Messages, m)
			}
		}
	case q.After != nil:
		for _, m := range c.messages {
			if m.Seq > *q.After {
				p.Messages = append(p.Messages, m)
			}
		}
		if p.HasMore = len(p.Messages) > q.Limit; p.HasMore {
			p.Messages = p.Messages[:q.Limit]
		}
		return p, nil
	default:
		p.Messages = c.messages
	}
	if p.HasMore = len(p.Messages) > q.Limit; p.HasMore {
		p.Messages = p.Messages[len(p.Messages)-q.Limit:]
	}
	return p, nil
}

func (c *chat) Since(_ context.Context, _ uuid.UUID, since int64, limit int) (room.Page, error) {
	p, err := c.Page(context.Background(), room.PageQuery{After: &since, Limit: limit})
	return p, err
}

func (c *chat) Wait(ctx context.Context, in room.Info, since int64, limit int) (room.Page, error) {
	if c.wait != nil {
		return c.wait(ctx)
	}
	if p, err := c.Since(ctx, in.ID, since, limit); err != nil || len(p.Messages) > 0 {
		return p, err
	}
	<-ctx.Done()
	return room.Page{Seq: in.Seq}, nil
}

func (c *chat) Message(_ context.Context, id uuid.UUID) (protocol.Message, error) {
	for _, m := range c.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return protocol.Message{}, room.ErrNoMessage
}

func (c *chat) Rooms(context.Context, uuid.UUID, uuid.UUID, int) ([]room.Summary, error) {
	s := room.Summary{Info: c.place}
	if n := len(c.messages); n > 0 {
		s.Last = &c.messages[n-1]
	}
	return []room.Summary{s}, nil
}

func (c *chat) Rules() *protocol.Rules { return &protocol.Rules{ContentRunesMax: 100} }

// answers remembers what an observer is told.
type answers struct {
	mu   sync.Mutex
	seen map[string]int // "route status"
}

func (a *answers) Answered(route string, status int, _ time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = make(map[string]int)
	}
	a.seen[route+" "+http.StatusText(status)]++
}

func (a *answers) count(route string, status int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[route+" "+http.StatusText(status)]
}

// node is a Server fed by a listener of its own, as netpoll would feed it.
type node struct {
	*rest.Server
	addr string
	seen *answers
}

func start(t *testing.T, c rest.Chat, change ...func(*rest.Config)) *node {
	t.Helper()
	seen := &answers{}
	cfg := rest.Config{Chat: c, Limits: rest.DefaultLimits(64), Observer: seen, Log: slog.New(slog.DiscardHandler),
		AllowOrigin: func(origin, _ string) bool { return origin == "https://app.example" }}
	cfg.Limits.BodyBytes = 4096
	for _, f := range change {
		f(&cfg)
	}
	n := &node{Server: rest.New(cfg), seen: seen}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = ln.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.Hand(c)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = ln.Close()
		http.DefaultClient.CloseIdleConnections()
		if err := n.Drain(ctx); err != nil {
			t.Error(err)
		}
		n.Close()
		running.Wait()
		if open := n.Stats().ConnectionsNow; open != 0 {
			t.Errorf("%d connections are left", open)
		}
	})
	return n
}

type answer struct {
	*http.Response
	body string
}

func (a answer) code() string {
	var e struct{ Detail, Code string }
	if json.Unmarshal([]byte(a.body), &e) != nil || e.Detail == "" {
		return "no error: " + a.body
	}
	return e.Code
}

// ask makes a call as amina, unless a header says otherwise.
func (n *node) ask(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer amina")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(text)}
}

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
		{"room without messages", "GET", rooms + c.place.ID.String() + "/", "", nil, 404, "not_found"},
		{"method of rooms", "POST", rooms, "{}", nil, 405, "method_not_allowed"},
		{"method of messages", "GET", messages, "", nil, 405, "method_not_allowed"},
		{"method of message", "DELETE", mine, "", nil, 405, "method_not_allowed"},
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
		{"store away at the page", func(c *chat) { c.page = func() (room.Page, error) { return room.Page{}, room.ErrUnavailable } }, "GET", 503, "unavailable"},
		{"an error nobody knows", func(c *chat) { c.page = func() (room.Page, error) { return room.Page{}, errors.New("odd") } }, "GET", 500, "internal"},
		{"panic", func(c *chat) { c.page = func() (room.Page, error) { panic("odd") } }, "GET", 500, "internal"},
		{"not stored", func(c *chat) { c.do = refuse(protocol.ErrUnavailable) }, "POST", 503, "unavailable"},
		{"unknown outcome", func(c *chat) { c.do = refuse(protocol.ErrUnknownOutcome) }, "POST", 503, "unknown_outcome"},
		{"no outcome in time", func(c *chat) {
			c.do = func(context.Context, *room.Op) error { return context.DeadlineExceeded }
		}, "POST", 503, "unknown_outcome"},
		{"foreign reply", func(c *chat) { c.do = refuse(protocol.ErrInvalidReply) }, "POST", 400, "invalid_reply"},
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
			if a.status == 503 && got.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if want := int64(0); a.name == "panic" {
				if want = 1; n.Stats().Panics != want {
					t.Errorf("%d panics counted, want %d", n.Stats().Panics, want)
				}
			}
		})
	}
}

func TestPagesLinkToTheirNeighbours(t *testing.T) {
	c := newChat(5)
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.TripID.String() + "/messages/"
	base := "http://" + n.addr + path
	for _, a := range []struct {
		query, seqs, next, previous string
	}{
		{"", "12345", "", ""},
		{"?limit=2", "45", "", base + "?limit=2&before=4"},
		{"?limit=2&before=4", "23", base + "?limit=2&after=3", base + "?limit=2&before=2"},
		{"?limit=2&before=2", "1", base + "?limit=2&after=1", ""},
		{"?limit=2&before=1", "", "", ""},
		{"?limit=2&before=0", "", "", ""},
		{"?limit=2&before=6", "", "", ""},
		{"?limit=2&before=99999999999999999999", "", "", ""},
		{"?limit=2&after=0", "12", base + "?limit=2&after=2", ""},
		{"?limit=2&after=1", "23", base + "?limit=2&after=3", base + "?limit=2&before=2"},
		{"?limit=2&after=4", "5", "", base + "?limit=2&before=5"},
		{"?limit=2&after=5", "", "", ""},
		{"?after=99999999999999999999", "", "", ""},
	} {
		got := n.ask(t, "GET", path+a.query, "")
		var page struct {
			Results        []struct{ Seq int64 }
			Next, Previous string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatalf("%s: %v in %s", a.query, err, got.body)
		}
		seqs := ""
		for _, m := range page.Results {
			seqs += string(rune('0' + m.Seq))
		}
		if seqs != a.seqs || page.Next != a.next || page.Previous != a.previous {
			t.Errorf("%s: got %q, next %q, previous %q; want %q, %q, %q", a.query, seqs, page.Next, page.Previous, a.seqs, a.next, a.previous)
		}
	}
	got := n.ask(t, "GET", path+"?limit=2", "", "X-Forwarded-Proto", "https, http")
	if want := `"previous":"https://` + n.addr; !strings.Contains(got.body, want) {
		t.Errorf("behind a proxy: got %s, want %s", got.body, want)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	for _, path := range []string{"/api/v1/chat/rooms", "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages", "/api/v1/chat/messages/" + c.messages[0].ID.String()} {
		get, head := n.ask(t, "GET", path, ""), n.ask(t, "HEAD", path, "")
		if head.StatusCode != 200 || head.body != "" || get.ContentLength != head.ContentLength || get.ContentLength == 0 {
			t.Errorf("%s: HEAD %d, %d bytes announced; GET %d bytes", path, head.StatusCode, head.ContentLength, get.ContentLength)
		}
	}
}

func TestPagesOfAllowedOriginsMayReadAnswers(t *testing.T) {
	n := start(t, newChat(1))
	const rooms = "/api/v1/chat/rooms/"
	good := n.ask(t, "GET", rooms, "", "Origin", "https://app.example")
	if good.StatusCode != 200 || good.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || good.Header.Get("Vary") != "Origin" {
		t.Errorf("allowed: %d %v", good.StatusCode, good.Header)
	}
	if refused := n.ask(t, "GET", rooms, "", "Origin", "https://app.example", "Authorization", ""); refused.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Error("an allowed page cannot read why it was refused")
	}
	if bad := n.ask(t, "GET", rooms, "", "Origin", "https://evil.example"); bad.Header.Get("Access-Control-Allow-Origin") != "" || bad.Header.Get("Vary") != "Origin" {
		t.Errorf("disallowed: %v", bad.Header)
	}
	flight := n.ask(t, "OPTIONS", "/api/v1/chat/messages/", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST", "Authorization", "")
	if flight.StatusCode != 204 || !strings.Contains(flight.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(flight.Header.Get("Access-Control-Allow-Headers"), "Authorization") || flight.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("preflight: %d %v", flight.StatusCode, flight.Header)
	}
	flight = n.ask(t, "OPTIONS", "/api/v1/chat/messages/", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if flight.StatusCode != 204 || flight.Header.Get("Access-Control-Allow-Methods") != "" || flight.Header.Get("Access-Control-Allow-Origin") != "" || flight.Header.Get("Allow") == "" {
		t.Errorf("disallowed preflight: %d %v", flight.StatusCode, flight.Header)
	}
}

func TestWritesAreCountedPerUser(t *testing.T) {
	c := newChat(1)
	n := start(t, c, func(cfg *rest.Config) { cfg.Limits.Rate, cfg.Limits.Burst = 1, 2 })
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	send := func(who string) answer {
		return n.ask(t, "POST", "/api/v1/chat/messages/", body, "Authorization", "Bearer "+who)
	}
	edit := n.ask(t, "PATCH", "/api/v1/chat/messages/"+c.messages[0].ID.String(), `{"content":"y"}`)
	if first, over := send("amina"), send("amina"); edit.StatusCode != 200 || first.StatusCode != 201 || over.StatusCode != 429 || over.code() != "rate_limited" || over.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d, %d, %d %s, Retry-After %q; want 200, 201, 429", edit.StatusCode, first.StatusCode, over.StatusCode, over.body, over.Header.Get("Retry-After"))
	}
	if other := send("jonas"); other.StatusCode != 201 {
		t.Errorf("another user got %d", other.StatusCode)
	}
	if read := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); read.StatusCode != 200 {
		t.Errorf("a read got %d", read.StatusCode)
	}
}

func TestALongPollEndsWhenItsTimeIsUp(t *testing.T) {
	c := newChat(2)
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages/?since="
	for _, wait := range []string{"50ms", "0", "0s"} {
		if got := n.ask(t, "GET", path+"2&wait="+wait, ""); got.StatusCode != 200 || got.body != `{"results":[],"seq":2,"has_more":false}` {
			t.Errorf("wait=%s: %d %s", wait, got.StatusCode, got.body)
		}
	}
	begun := time.Now()
	if got := n.ask(t, "GET", path+"0&wait=60", ""); !strings.Contains(got.body, `"seq":2,"has_more":false}`) || time.Since(begun) > 5*time.Second {
		t.Errorf("what is there already: %s after %v", got.body, time.Since(begun))
	}
}

func TestALongPollEndsWithTheToken(t *testing.T) {
	c := newChat(0)
	c.authenticate = func(string) (token.Identity, error) {
		return token.Identity{User: c.amina.ID, Expires: time.Now().Add(100 * time.Millisecond)}, nil
	}
	n := start(t, c)
	begun := time.Now()
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=0&wait=30s", ""); got.StatusCode != 200 || time.Since(begun) > 10*time.Second {
		t.Errorf("%d after %v", got.StatusCode, time.Since(begun))
	}
}

func TestALongPollTellsNothingToWhoWasRemovedMeanwhile(t *testing.T) {
	c := newChat(1)
	waited := false
	c.wait = func(context.Context) (room.Page, error) {
		waited = true
		return room.Page{Messages: c.messages, Seq: 1}, nil
	}
	c.access = func(user, _ uuid.UUID) (room.Access, error) {
		return room.Access{UserKnown: true, User: c.amina, Allowed: !waited, Room: c.place}, nil
	}
	n := start(t, c)
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=0&wait=30s", ""); got.StatusCode != 404 || strings.Contains(got.body, "hello") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

// poll sends a long poll on a connection of its own.
func (n *node) poll(t *testing.T, c *chat, wait string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET /api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=99&wait="+wait+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestALongPollEndsWhenTheClientLeaves(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "60s")
	eventually(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	_ = conn.Close()
	eventually(t, "the poll is over", func() bool { return n.Stats().LongPollsNow == 0 && n.Stats().ConnectionsNow == 0 })
}

func TestARequestSentDuringALongPollIsAnsweredAfterIt(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "300ms")
	eventually(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	if _, err := io.WriteString(conn, "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for i, want := range []string{`"results":[]`, `"title":"Lisbon"`} {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("answer %d: %s, %v; want %s in it", i, body, err, want)
		}
	}
}

func TestDrainAnswersLongPollsAndClosesConnections(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "60s")
	eventually(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 || !res.Close {
		t.Fatalf("the poll got %v, %v", res, err)
	}
	late, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	res, err = http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Fatalf("a late connection got %v, %v", res, err)
	}
}

func TestWhatIsOverTheLimitsIsTurnedAway(t *testing.T) {
	c := newChat(0)
	n := start(t, c, func(cfg *rest.Config) { cfg.Limits.Connections, cfg.Limits.LongPolls = 3, 1 })
	n.poll(t, c, "60s")
	eventually(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	read := func(conn net.Conn) answer {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{res, string(body)}
	}
	second := n.poll(t, c, "60s")
	if got := read(second); got.StatusCode != 503 || got.code() != "unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("a second poll got %d %s", got.StatusCode, got.body)
	}
	n.poll(t, c, "60s") // refused too, but its connection stays
	eventually(t, "three connections are open", func() bool { return n.Stats().ConnectionsNow == 3 })
	if got := read(n.poll(t, c, "0")); got.StatusCode != 503 || got.code() != "unavailable" || got.Header.Get("Retry-After") == "" || !got.Close {
		t.Errorf("a fourth connection got %d %s", got.StatusCode, got.body)
	}
	if crowded := n.Stats().Crowded; crowded != 3 {
		t.Errorf("%d counted as turned away, want 3", crowded)
	}
}

func TestTheRestOfARefusedBodyDoesNotDestroyTheAnswer(t *testing.T) {
	n := start(t, newChat(0))
	for range 20 {
		if got := n.ask(t, "POST", "/api/v1/chat/messages/", strings.Repeat("x", 300_000)); got.StatusCode != 413 {
			t.Fatalf("got %d", got.StatusCode)
		}
	}
}
