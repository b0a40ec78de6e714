package socket_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// recorded is what clients of version 1 and a server of the time before there was a version
// 2 said to one another.
const recorded = "testdata/version1.txt"

// documented are the members that were added since, and the documents say so.
var documented = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^(\S+ <- \{"type":"message_history"),"chat_room_id":"[0-9a-f-]{36}","trip_id":"[0-9a-f-]{36}"`),
	regexp.MustCompile(`(?m)^(\S+ <- \{"type":"typing"),"chat_room_id":"[0-9a-f-]{36}"`),
	regexp.MustCompile(`(?m)^(\S+ <- \{"type":"message_edited"),"change":"content"`),
}

// TestAClientOfVersion1HearsWhatItHeard plays the recorded session to this server: it answers
// the same, byte by byte, but for documented members and for ids and times, which differ each
// time.
func TestAClientOfVersion1HearsWhatItHeard(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	played := renumbered(play(t))
	for _, added := range documented {
		if !added.MatchString(played) {
			t.Errorf("nobody was told %v", added)
		}
		played = added.ReplaceAllString(played, "$1")
	}
	got, recorded := strings.Split(anonymous(played), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(recorded)) {
		if i >= len(got) || i >= len(recorded) || got[i] != recorded[i] {
			t.Fatalf("line %d:\n got %s\nwant %s", i+1, at(got, i), at(recorded, i))
		}
	}
}

var (
	aSummary   = regexp.MustCompile(`(?m)^.*"change":"summary".*\n`)
	aNumber    = regexp.MustCompile(`("(?:seq|rev|since)":|since=)(\d+)`)
	replyCount = regexp.MustCompile(`,"reply_count":1`)
)

// renumbered is a session without the change that a message has an answer, which is the room's
// number 3 and came with a later release.
func renumbered(session string) string {
	session = replyCount.ReplaceAllString(aSummary.ReplaceAllString(session, ""), "")
	return aNumber.ReplaceAllStringFunc(session, func(text string) string {
		parts := aNumber.FindStringSubmatch(text)
		n, _ := strconv.Atoi(parts[2])
		if n >= 3 {
			n--
		}
		return parts[1] + strconv.Itoa(n)
	})
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

var (
	anID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aTime  = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"`)
	aDate  = regexp.MustCompile(`Date: [^|]*`)
	aToken = regexp.MustCompile(`token=eyJ[^\s&]*`)
)

var tooLong = strings.Repeat("x", 10_001)

// anonymous gives each id and time of a session a name that is the same each time.
func anonymous(session string) string {
	names := make(map[string]string)
	session = anID.ReplaceAllStringFunc(session, func(id string) string {
		if names[id] == "" {
			names[id] = fmt.Sprint("id-", len(names)+1)
		}
		return names[id]
	})
	session = aTime.ReplaceAllString(session, `"time"`)
	session = aDate.ReplaceAllString(session, "Date: then")
	session = strings.ReplaceAll(session, tooLong, "xxx")
	return aToken.ReplaceAllString(session, "token=good")
}

// stage has a session written down.
type stage struct {
	s    *server
	t    *testing.T
	said strings.Builder
}

// play has the session of old clients with a new server, and returns what was said: a line
// each, who said it (->) or heard it (<-).
func play(t *testing.T) string {
	g := &stage{s: serve(t, socket.Config{}), t: t}
	trip := "/ws/chat/" + persist.FleetTrip(0).String() + "/"
	as := func(user int) string { return "?token=" + sign(t, persist.FleetUser(user), time.Hour) }

	ada, bob := g.enter("ada", trip+as(0)), g.enter("bob", trip+as(3))
	both := []*actor{ada, bob}
	hello := ada.says(`{"type":"chat_message","content":"  Hello, \"Zoë\" \ud83d\ude00\n ","client_id":"a-1"}`, both...)
	ada.says(`{"type":"chat_message","content":"something else","client_id":"a-1"}`, ada)
	bob.says(`{"type":"chat_message","content":"Hi","message_type":"text","reply_to":"`+hello+`"}`, both...)
	ada.hears() // that hello has an answer: see renumbered
	bob.hears()
	ada.says(`{"type":"typing","is_typing":true}`, bob)
	ada.says(`{"type":"typing"}`, bob)
	ada.says(`{"type":"edit_message","message_id":"`+hello+`","content":"Hello all","client_id":"a-2"}`, both...)
	bob.says(`{"type":"chat_message","content":"https://example.com/a.jpg","message_type":"file","client_id":"b-1"}`, both...)
	ada.says(`{"type":"mark_read","seq":5,"client_id":"a-3"}`)
	ada.says(`{"type":"ping","client_id":"a-4"}`, ada)
	for _, wrong := range []string{
		`{"type":"edit_message","message_id":"` + hello + `","content":"mine","client_id":"b-2"}`,
		`{"type":"edit_message","content":"x"}`, `{"type":"edit_message","message_id":"7","content":"x"}`,
		`{"type":"edit_message","message_id":"` + uuid.NewString() + `","content":"x"}`,
		`{"type":"chat_message","content":"x","reply_to":"` + uuid.Nil.String() + `","client_id":"b-3"}`,
		`{"type":"chat_message","content":" ","client_id":"b-4"}`, `{"type":"chat_message"}`,
		`{"type":"chat_message","content":7}`, `{"type":"chat_message","content":"\u0000"}`,
		`{"type":"chat_message","content":"x","message_type":"system"}`, `{"type":"chat_message","content":"x","client_id":""}`,
		`{"type":"chat_message","content":"` + tooLong + `"}`,
		`{"type":"typing","is_typing":1}`, `{"type":"mark_read","seq":-1}`, `{"type":"mark_read","seq":"1"}`,
		`{"type":"fly","client_id":"b-5"}`, `{}`, `[]`, `hello`,
	} {
		bob.says(wrong, bob)
	}
	for _, query := range []string{"", "&since=0", "&since=2", "&since=5", "&since=100", "&since=4&since_id=" + hello, "&since=4&since_id=" + uuid.Nil.String(), "&unknown=1"} {
		_ = g.enter("eve", trip+as(6)+query).conn.Close()
	}
	g.refused("eve", trip+as(6)+"&since=x")
	g.refused("eve", "/ws/other/"+as(6))
	g.knock("eve", trip+"?token=bad").ends()
	g.knock("eve", trip).ends()
	g.knock("eve", trip+as(1)).ends()
	return g.said.String()
}

// actor is a client on a stage.
type actor struct {
	*client
	g    *stage
	name string
}

// knock sends a handshake, and notes the answer but for its body.
func (g *stage) knock(name, path string) *actor {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.s.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(&g.said, "%s -> GET %s\n", name, path)
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path); err != nil {
		g.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	var head []string
	for len(head) == 0 || head[len(head)-1] != "" {
		line, err := in.ReadString('\n')
		if err != nil {
			g.t.Fatal(err)
		}
		head = append(head, strings.TrimSpace(line))
	}
	fmt.Fprintf(&g.said, "%s <- %s\n", name, strings.Join(head, "|"))
	return &actor{&client{g.t, &buffered{conn, in}}, g, name}
}

// enter connects a client, which hears its history.
func (g *stage) enter(name, path string) *actor {
	g.t.Helper()
	a := g.knock(name, path)
	a.hears()
	return a
}

// refused has a client not let in.
func (g *stage) refused(name, path string) {
	g.t.Helper()
	body, err := io.ReadAll(g.knock(name, path).conn)
	if err != nil {
		g.t.Fatal(err)
	}
	fmt.Fprintf(&g.said, "%s <- %s\n", name, body)
}

// hears reads a frame, and returns the id of the message that it tells, if there is one.
func (a *actor) hears() string {
	a.t.Helper()
	text := a.text()
	fmt.Fprintf(&a.g.said, "%s <- %s\n", a.name, text)
	var f frame
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		a.t.Fatal(err)
	}
	return f.Message.ID
}

// says sends a frame, which those hear, and returns the id of the message that it makes.
func (a *actor) says(text string, who ...*actor) (message string) {
	a.t.Helper()
	fmt.Fprintf(&a.g.said, "%s -> %s\n", a.name, text)
	a.send(text)
	for _, hearer := range who {
		message = hearer.hears()
	}
	return message
}

// ends hears nothing but the end.
func (a *actor) ends() {
	a.t.Helper()
	h, err := ws.ReadHeader(a.conn)
	if err != nil || h.OpCode != ws.OpClose {
		a.t.Fatal(h, err)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(a.conn, payload); err != nil {
		a.t.Fatal(err)
	}
	code, reason := ws.ParseCloseFrameData(payload)
	fmt.Fprintf(&a.g.said, "%s <- end %d %s\n", a.name, code, reason)
}
