package app_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

func TestTwoNodesAreOneChatAlsoWithoutRedis(t *testing.T) {
	besideOthers(t)
	redis := redisserver.Start(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	one := start(t, database, "--redis", redis.URL())
	two := start(t, database, "--redis", redis.URL())
	for _, node := range []*server{one, two} {
		await.Until(t, "Redis carries notices", func() bool {
			return strings.Contains(string(node.admin("/metrics").body), "caravan_backplane_healthy 1\n")
		})
	}
	amina, _ := one.join(0, 0)
	jonas, _ := two.join(2, 0)
	tell := func(content string, seq int64) {
		t.Helper()
		amina.send(`{"type":"chat_message","content":"` + content + `"}`)
		for _, m := range []*member{amina, jonas} {
			if f := m.read(); f.Type != "chat_message" || f.Message.Content != content || f.Seq != seq {
				t.Fatalf("got %+v, want %q with seq %d", f, content, seq)
			}
		}
	}
	tell("with Redis", 1)
	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	tell("without Redis", 2)
	two.post(2, persist.FleetTrip(0).String(), "by REST on the other node")
	for _, m := range []*member{amina, jonas} {
		if f := m.read(); f.Seq != 3 {
			t.Fatalf("got %+v, want seq 3", f)
		}
	}
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "Redis carries notices again", func() bool {
		return strings.Contains(string(two.admin("/metrics").body), "caravan_backplane_healthy 1\n")
	})
	tell("with Redis again", 4)
}

// TestADeleteOnOneNodeIsAnEndOnAllOfThem: what the other node has in memory of the message goes,
// also where Redis brings it no notice.
func TestADeleteOnOneNodeIsAnEndOnAllOfThem(t *testing.T) {
	besideOthers(t)
	redis := redisserver.Start(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	one := start(t, database, "--redis", redis.URL(), "--deleted-text", "gone")
	two := start(t, database, "--redis", redis.URL(), "--deleted-text", "gone")
	for _, node := range []*server{one, two} {
		await.Until(t, "Redis carries notices", func() bool {
			return strings.Contains(string(node.admin("/metrics").body), "caravan_backplane_healthy 1\n")
		})
	}
	amina, _ := one.join(0, 0)
	jonas, _ := two.join(2, 0)
	for _, when := range []string{"with Redis", "without Redis"} {
		if when == "without Redis" {
			if err := redis.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		amina.send(`{"type":"chat_message","content":"hush, ` + when + `"}`)
		said := amina.read().Message
		jonas.read()
		jonas.send(`{"type":"chat_message","content":"an answer","reply_to":"` + said.ID + `"}`)
		answer := jonas.read().Message
		amina.read()
		for _, m := range []*member{amina, jonas} {
			if f := m.read(); f.Type != "message_edited" || f.Message.ID != said.ID || f.Seq != answer.Seq+1 {
				t.Fatalf("%s: got %+v, and not that there is an answer", when, f)
			}
		}
		for range 2 { // so that the node has a history in memory
			if _, f := two.join(4, 0); f.Messages[len(f.Messages)-2].Content != said.Content {
				t.Fatalf("%s: the history before: %+v", when, f)
			}
		}
		amina.send(`{"type":"delete_message","message_id":"` + said.ID + `"}`)
		for _, m := range []*member{amina, jonas} {
			if f := m.read(); f.Type != "message_edited" || f.Message.ID != said.ID || f.Message.Content != "gone" || f.Seq != answer.Seq+2 {
				t.Fatalf("%s: got %+v", when, f)
			}
		}
		for _, node := range []*server{one, two} {
			_, f := node.join(4, 0)
			if n := len(f.Messages); f.Messages[n-2].Content != "gone" || f.Messages[n-1].ReplyTo.Content != "gone" {
				t.Errorf("%s: the history after: %+v", when, f)
			}
			page := node.call(bearer(t, 0), "GET", "/api/v1/chat/rooms/"+persist.FleetTrip(0).String()+"/messages/", "")
			if body := string(page.body); strings.Contains(body, said.Content) || !strings.Contains(body, `"deleted_by":"sender"`) {
				t.Errorf("%s: the page after: %s", when, body)
			}
		}
	}
	if log := one.log.String() + two.log.String(); strings.Contains(log, "hush,") {
		t.Errorf("a log tells what was deleted:\n%s", log)
	}
}
