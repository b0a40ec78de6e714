package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/fleet"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/bench/wire"
)

// TestTheWireIsThatOfTheOlderBuild holds the same conversation with an older build and
// with this one, on both stores: frames, resumes from every number and REST answers are
// the same bytes, but for ids, times and the members that were added since.
func TestTheWireIsThatOfTheOlderBuild(t *testing.T) {
	t.Parallel()
	older, newer := buildOlder(t, oneTableBuild), buildCaravan(t)
	for name, store := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/caravan.db" },
		"postgres": func(t *testing.T) string { return pgserver.Shared(t).Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			was, is := converse(t, older, store(t), false), converse(t, newer, store(t), true)
			for i := range max(len(was), len(is)) {
				switch {
				case i >= len(was) || i >= len(is):
					t.Fatalf("%d lines, and %d of the older build", len(is), len(was))
				case was[i] != is[i]:
					t.Errorf("line %d was %s\nline %d is  %s", i, was[i], i, is[i])
				}
			}
		})
	}
}

// conversation is what was said in one, in a form that does not depend on ids, times
// and ports.
type conversation struct {
	t        *testing.T
	server   *caravan
	trip     string
	tokens   []string // of the members
	ids      map[string]string
	messages []string // ids of the messages, in the order in which they were made
	lines    []string
	counts   bool // the room has one number more: answered
}

// answered is the number, of a server that counts answers, by which the first message has one.
const answered = 5

// at is where a number of the older build stands.
func (c *conversation) at(n int) int {
	if c.counts && n >= answered {
		return n + 1
	}
	return n
}

var aNumber = regexp.MustCompile(`("(?:seq|rev|since|prev|last_seq)":|(?:before|after|since)=)(\d+)`)

// asOlder is a line with the numbers of the older build.
func (c *conversation) asOlder(line string) string {
	if !c.counts {
		return line
	}
	line = strings.ReplaceAll(line, `,"reply_count":1`, "")
	return aNumber.ReplaceAllStringFunc(line, func(text string) string {
		parts := aNumber.FindStringSubmatch(text)
		n, _ := strconv.Atoi(parts[2])
		if n >= answered {
			n--
		}
		return parts[1] + strconv.Itoa(n)
	})
}

var (
	anID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aTime  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`)
	aPlace = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	made   = regexp.MustCompile(`"message":\{"id":"([^"]+)"`)
)

// converse starts a server and holds the conversation. counts says that the server tells how many
// answers a message has.
func converse(t *testing.T, binary, store string, counts bool) []string {
	t.Helper()
	server := &caravan{binary: binary, store: store, listen: "127.0.0.1:0"}
	server.seed(t, 4, 2)
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.kill)
	c := &conversation{t: t, server: server, ids: make(map[string]string), counts: counts}
	c.trip = fleet.Trip(0).String()
	s := seats{secret: secret}
	mint, err := s.mint(tokenTTL)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		token, err := mint(fleet.User(i))
		if err != nil {
			t.Fatal(err)
		}
		c.tokens = append(c.tokens, token)
	}

	a, b := c.join(0, ""), c.join(2, "") // both of trip 0
	for i, content := range []string{"one", "two \\u2028 \\ud83d\\ude00 \\\"quoted\\\"", "three"} {
		c.tell(a, fmt.Sprintf(`{"type":"chat_message","content":"%s","client_id":"c%d"}`, content, i), a, b)
	}
	c.tell(b, fmt.Sprintf(`{"type":"chat_message","content":" a reply ","reply_to":"%s"}`, c.messages[0]), a, b)
	if counts {
		for _, client := range []*wire.Client{a, b} {
			if p, err := client.Read(); err != nil || !strings.Contains(string(p), `"change":"summary"`) {
				t.Fatalf("%s, %v", p, err)
			}
		}
	}
	c.tell(a, fmt.Sprintf(`{"type":"edit_message","message_id":"%s","content":"one, edited"}`, c.messages[0]), a, b)
	c.tell(a, fmt.Sprintf(`{"type":"edit_message","message_id":"%s","content":"one, edited twice"}`, c.messages[0]), a, b)
	c.tell(a, fmt.Sprintf(`{"type":"edit_message","message_id":"%s","content":"two, edited","client_id":"e"}`, c.messages[1]), a, b)
	c.tell(b, `{"type":"chat_message","content":"https://example.com/a.jpg","message_type":"file","client_id":"f"}`, a, b)
	c.tell(b, fmt.Sprintf(`{"type":"edit_message","message_id":"%s","content":"the reply, edited"}`, c.messages[3]), a, b)
	c.tell(a, `{"type":"typing","is_typing":true}`, b)
	c.tell(a, `{"type":"ping"}`, a)
	for _, refused := range []string{
		`{`, `[]`, `{"type":"nothing","client_id":"x"}`, `{"type":"chat_message","content":" ","client_id":"x"}`,
		`{"type":"chat_message","content":"a\u0000b"}`, `{"type":"chat_message","content":5}`,
		`{"type":"chat_message","content":"x","reply_to":"` + c.trip + `","client_id":"x"}`,
		`{"type":"chat_message","content":"x","message_type":"system"}`, `{"type":"edit_message","content":"x"}`,
		`{"type":"edit_message","message_id":"` + c.messages[3] + `","content":"not mine","client_id":"x"}`,
		`{"type":"edit_message","message_id":"` + c.trip + `","content":"nothing"}`,
		`{"type":"chat_message","content":"` + strings.Repeat("x", 10_001) + `","client_id":"x"}`,
		`{"type":"chat_message","content":"one again","client_id":"c0"}`, // a duplicate, told as it is now
	} {
		c.tell(a, refused, a)
	}
	for since := range 12 {
		c.join(0, fmt.Sprintf("&since=%d", c.at(since))).Close()
	}
	c.join(2, "").Close()
	c.ask("/api/v1/chat/rooms/")
	for _, query := range []string{"", "?limit=2", "?limit=2&before=4", "?limit=2&after=1", fmt.Sprint("?after=", c.at(99)), "?limit=2&since=0", fmt.Sprintf("?since=%d&limit=1", c.at(5)),
		fmt.Sprint("?since=", c.at(9)), fmt.Sprint("?since=", c.at(99)), "?since=0&limit=3", "?limit=0", "?since=x", "?since=1&before=2"} {
		c.ask("/api/v1/chat/rooms/" + c.trip + "/messages/" + query)
	}
	c.ask("/api/v1/chat/messages/" + c.messages[0] + "/")
	c.ask("/api/v1/chat/messages/" + c.trip + "/")
	a.Close()
	b.Close()
	return c.lines
}

// join enters the room and takes the history down.
func (c *conversation) join(user int, query string) *wire.Client {
	c.t.Helper()
	e, err := wire.ParseEndpoint("ws://" + c.server.listen)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), await.Limit)
	defer cancel()
	client, err := wire.Dial(ctx, e, "/ws/chat/"+c.trip+"/?x=1"+query, wire.Credential{Bearer: c.tokens[user]}, [4]byte{1, 2, 3, 4}, 1<<20)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Abort)
	c.read(client, fmt.Sprint("joins", query))
	return client
}

// tell sends a frame and takes down what each of those hears.
func (c *conversation) tell(from *wire.Client, frame string, hears ...*wire.Client) {
	c.t.Helper()
	if err := from.Write([]byte(frame)); err != nil {
		c.t.Fatal(err)
	}
	for _, client := range hears {
		c.read(client, frame)
	}
}

func (c *conversation) read(client *wire.Client, after string) {
	c.t.Helper()
	p, err := client.Read()
	if err != nil {
		c.t.Fatalf("after %s: %v", after, err)
	}
	if m := made.FindSubmatch(p); m != nil && strings.Contains(string(p), `"type":"chat_message"`) && !strings.Contains(string(p), `"duplicate"`) {
		if id := string(m[1]); len(c.messages) == 0 || c.messages[len(c.messages)-1] != id {
			c.messages = append(c.messages, id)
		}
	}
	c.note(string(p))
}

// ask takes down the answer to a GET of the first member.
func (c *conversation) ask(path string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.server.listen+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.tokens[0])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.note(fmt.Sprintf("%d %s", resp.StatusCode, body))
}

// added are the members that the older build did not have and docs/protocol.md names.
var added = []*regexp.Regexp{
	regexp.MustCompile(`^(\{"type":"message_history"),"chat_room_id":"[^"]*","trip_id":"[^"]*"`),
	regexp.MustCompile(`^(\{"type":"typing"),"chat_room_id":"[^"]*"`),
	regexp.MustCompile(`^(\{"type":"message_edited"),"change":"content"`),
	regexp.MustCompile(`^(200 \{"results":\[\{"id":"[^"]*","trip_id":.*),"read_seq":\d+,[^{}]*`), // in the list of rooms
}

// note takes a line down without what was added: ids are numbered as they come.
func (c *conversation) note(line string) {
	line = c.asOlder(line)
	for _, members := range added {
		line = members.ReplaceAllString(line, "$1")
	}
	line = anID.ReplaceAllStringFunc(line, func(id string) string {
		if c.ids[id] == "" {
			c.ids[id] = fmt.Sprint("id", len(c.ids))
		}
		return c.ids[id]
	})
	c.lines = append(c.lines, aPlace.ReplaceAllString(aTime.ReplaceAllString(line, "T"), "http://S"))
}
