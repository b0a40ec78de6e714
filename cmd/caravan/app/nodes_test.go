package app_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

func TestTwoNodesAreOneChatAlsoWithoutRedis(t *testing.T) {
	redis := redisserver.Start(t)
	database := pgserver.Shared(t).Database(t)
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
