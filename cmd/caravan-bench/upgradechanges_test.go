package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/fleet"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// told is a frame of a room, as far as the test looks at it.
type told struct {
	Type     string `json:"type"`
	Code     string `json:"code"`
	Seq      int64  `json:"seq"`
	Messages []struct {
		Content    string `json:"content"`
		DeletedBy  string `json:"deleted_by"`
		ReplyCount int    `json:"reply_count"`
	} `json:"messages"`
	Message struct {
		ID, Content string
		DeletedBy   string `json:"deleted_by"`
		PinnedBy    string `json:"pinned_by"`
		ReplyCount  int    `json:"reply_count"`
	} `json:"message"`
}

// visitor is a member by hand.
type visitor struct {
	t    *testing.T
	conn net.Conn
}

// visit connects a user to trip 0 at a node, and returns the history, too.
func (n *node) visit(t *testing.T, user int) (*visitor, told) {
	t.Helper()
	mint, err := (&seats{secret: secret}).mint(tokenTTL)
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := mint(fleet.User(user))
	if err != nil {
		t.Fatal(err)
	}
	conn, early, _, err := ws.Dial(t.Context(), fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s", n.listen, fleet.Trip(0), bearer))
	if err != nil {
		t.Fatal(err)
	}
	if early != nil {
		conn = &begun{conn, early}
	}
	t.Cleanup(func() { _ = conn.Close() })
	v := &visitor{t, conn}
	return v, v.next()
}

// begun is a connection of which some bytes came with the handshake.
type begun struct {
	net.Conn
	first io.Reader
}

func (b *begun) Read(p []byte) (int, error) { return b.first.Read(p) }

func (v *visitor) send(format string, args ...any) {
	v.t.Helper()
	if err := wsutil.WriteClientText(v.conn, fmt.Appendf(nil, format, args...)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) next() (f told) {
	v.t.Helper()
	_ = v.conn.SetReadDeadline(time.Now().Add(time.Minute))
	text, err := wsutil.ReadServerText(v.conn)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil && !strings.Contains(string(text), `"type":"error"`) {
		v.t.Fatalf("%s: %v", text, err)
	}
	return f
}

// TestAnOlderNodeTellsWhatANewerOneChanges: each number, with what it knows of the message. What it
// lets its members do to a deleted message, it does to the row; the newer one shows nothing of it.
func TestAnOlderNodeTellsWhatANewerOneChanges(t *testing.T) {
	t.Parallel()
	store := pgserver.Shared(t).Database(t)
	flags := []string{"--redis", redisserver.Start(t).URL()}
	older := &node{caravan: caravan{binary: buildOlder(t, unsignedBuild), store: store, flags: flags, listen: "127.0.0.1:0"}}
	newer := &node{caravan: caravan{binary: buildCaravan(t), store: store, flags: append(flags, "--deleted-text", "gone"), listen: "127.0.0.1:0"}}
	older.seed(t, 4, 1)
	older.serve(t)
	newer.serve(t)
	ada, _ := newer.visit(t, 0)
	bob, _ := older.visit(t, 1)
	seq := int64(0)
	hear := func(what, atNewer, atOlder string) (f told) {
		t.Helper()
		seq++
		for _, x := range []struct {
			who  *visitor
			want string
		}{{ada, atNewer}, {bob, atOlder}} {
			if f = x.who.next(); f.Type != what || f.Seq != seq || f.Message.Content != x.want {
				t.Fatalf("got %+v, want %s %d, %q", f, what, seq, x.want)
			}
		}
		return f
	}
	ada.send(`{"type":"chat_message","content":"secret","data":{"a":1}}`)
	id := hear("chat_message", "secret", "secret").Message.ID
	bob.send(`{"type":"chat_message","content":"an answer","reply_to":"%s"}`, id)
	hear("chat_message", "an answer", "an answer")
	// The older node counts no answers: the newer one counts those of both.
	ada.send(`{"type":"chat_message","content":"another","reply_to":"%s"}`, id)
	hear("chat_message", "another", "another")
	if f := hear("message_edited", "secret", "secret"); f.Message.ID != id {
		t.Fatalf("got %+v", f)
	}
	ada.send(`{"type":"pin_message","message_id":"%s","on":true}`, id)
	hear("message_edited", "secret", "secret")
	ada.send(`{"type":"edit_message","message_id":"%s","content":"secret 2"}`, id)
	hear("message_edited", "secret 2", "secret 2")
	ada.send(`{"type":"delete_message","message_id":"%s"}`, id)
	hear("message_edited", "gone", "")

	// The older node takes an edit of the tombstone.
	old, _ := older.visit(t, 0)
	old.send(`{"type":"edit_message","message_id":"%s","content":"once more"}`, id)
	hear("message_edited", "gone", "once more")
	if out := query(t, store, "SELECT count(*) FROM chat_messages WHERE content LIKE '%once more%'"); out != "0" {
		t.Errorf("%s rows have the content of the tombstone", out)
	}
	ada.send(`{"type":"edit_message","message_id":"%s","content":"x"}`, id)
	if f := ada.next(); f.Code != "not_found" {
		t.Errorf("an edit of the tombstone: %+v", f)
	}
	for range 2 { // from the store, and from memory
		if _, past := newer.visit(t, 2); past.Seq != seq || past.Messages[0].Content != "gone" || past.Messages[0].DeletedBy != "sender" || past.Messages[0].ReplyCount != 2 {
			t.Errorf("the newer node shows %+v", past)
		}
	}
	bob.send(`{"type":"chat_message","content":"after"}`)
	hear("chat_message", "after", "after")
}

// TestAnswersOfAnOlderNodeAreCounted: those that it stored before a newer one came, and those
// that it stores beside it.
func TestAnswersOfAnOlderNodeAreCounted(t *testing.T) {
	t.Parallel()
	store := pgserver.Shared(t).Database(t)
	flags := []string{"--redis", redisserver.Start(t).URL()}
	older := &node{caravan: caravan{binary: buildOlder(t, unsignedBuild), store: store, flags: flags, listen: "127.0.0.1:0"}}
	newer := &node{caravan: caravan{binary: buildCaravan(t), store: store, flags: flags, listen: "127.0.0.1:0"}}
	older.seed(t, 4, 1)
	older.serve(t)
	bob, _ := older.visit(t, 1)
	say := func(content, to string) (id string) {
		bob.send(`{"type":"chat_message","content":"%s","reply_to":%s}`, content, to)
		for {
			if f := bob.next(); f.Type == "chat_message" {
				return `"` + f.Message.ID + `"`
			}
		}
	}
	counts := map[string]int{} // of answers, by what they answer
	answer := func(to string, times int) {
		for range times {
			say("an answer", to)
		}
		counts[to] += times
	}
	before := say("answered before", "null")
	answer(before, 2)
	newer.serve(t)
	ada, _ := newer.visit(t, 0)
	answer(before, 1)
	answer(say("answered beside", "null"), 2)
	query(t, store, "UPDATE chat_summaries_due SET due_at = due_at - interval '1 minute'")
	for len(counts) > 0 {
		f := ada.next()
		if id := `"` + f.Message.ID + `"`; f.Type == "message_edited" && f.Message.ReplyCount == counts[id] {
			delete(counts, id)
		}
	}
}

// query runs SQL on a database beside the servers.
func query(t *testing.T, store, sql string) string {
	t.Helper()
	at, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgserver.Shared(t).Exec(strings.TrimPrefix(at.Path, "/"), sql)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}
