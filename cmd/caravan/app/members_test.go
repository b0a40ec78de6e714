package app_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

// TestMembersOnThreeNodesCannotTell lets three members of a trip meet, each on
// another node: messages, edits, typing, REST, a member who is removed, and a
// Redis that hangs.
func TestMembersOnThreeNodesCannotTell(t *testing.T) {
	besideOthers(t)
	redis := redisserver.Start(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	var nodes []*server
	for range 3 {
		nodes = append(nodes, start(t, database, "--redis", redis.URL()))
	}
	reasons := func(s *server, status int, reason string) func() bool {
		return func() bool {
			a := s.admin("/readyz")
			return a.StatusCode == status && strings.Contains(string(a.body), reason)
		}
	}
	for _, s := range nodes {
		await.Until(t, "a node is ready", reasons(s, 200, "[]"))
	}
	amina, _ := nodes[0].join(0, 0)
	jonas, _ := nodes[1].join(2, 0)
	mei, _ := nodes[2].join(4, 0)
	all := []*member{amina, jonas, mei}
	trip := persist.FleetTrip(0).String()
	seq := int64(0)
	told := func(typ, content string, members ...*member) (f frame) {
		t.Helper()
		seq++
		for _, m := range members {
			if f = m.read(); f.Type != typ || f.Message.Content != content || f.Seq != seq {
				t.Fatalf("got %+v, want %s %q with seq %d", f, typ, content, seq)
			}
		}
		return f
	}

	amina.send(`{"type":"chat_message","content":"where are you?"}`)
	first := told("chat_message", "where are you?", all...)
	jonas.send(`{"type":"chat_message","content":"here","reply_to":"` + first.Message.ID + `"}`)
	if f := told("chat_message", "here", all...); f.Message.ReplyTo == nil || f.Message.ReplyTo.Content != "where are you?" {
		t.Errorf("the reply arrived as %+v", f.Message)
	}
	told("message_edited", "where are you?", all...) // it has an answer
	amina.send(`{"type":"edit_message","message_id":"` + first.Message.ID + `","content":"where are you all?"}`)
	told("message_edited", "where are you all?", all...)
	nodes[1].post(4, trip, "by REST on a node without the sender's socket")
	told("chat_message", "by REST on a node without the sender's socket", all...)

	mei.send(`{"type":"typing","is_typing":true}`)
	for _, m := range []*member{amina, jonas} {
		if f := m.read(); f.Type != "typing" {
			t.Fatalf("got %+v, want typing", f)
		}
	}
	mei.send(`{"type":"ping"}`)
	if f := mei.read(); f.Type != "pong" {
		t.Errorf("who types was told %+v", f)
	}

	// Somebody else's program takes jonas off the trip.
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgserver.Shared(t).Exec(strings.TrimPrefix(at.Path, "/"), "DELETE FROM collaborators WHERE user_id = '"+persist.FleetUser(2).String()+"'"); err != nil {
		t.Fatal(err)
	}
	if f, code := jonas.next(); code != 4003 {
		t.Errorf("closed with %d, or told %+v", code, f)
	}
	rest := []*member{amina, mei}
	mei.send(`{"type":"chat_message","content":"he is gone"}`)
	told("chat_message", "he is gone", rest...)

	// The connections to a frozen Redis look healthy for a while.
	if err := redis.Pause(); err != nil {
		t.Fatal(err)
	}
	mei.send(`{"type":"chat_message","content":"does anybody hear me?"}`)
	told("chat_message", "does anybody hear me?", rest...)
	for _, s := range nodes {
		await.Until(t, "a node says that it is cut off", reasons(s, 503, "redis does not carry notices"))
	}
	nodes[0].post(0, trip, "I do")
	told("chat_message", "I do", rest...)
	if err := redis.Resume(); err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes {
		await.Until(t, "a node is ready again", reasons(s, 200, "[]"))
	}
	amina.send(`{"type":"chat_message","content":"as before"}`)
	told("chat_message", "as before", rest...)
}
