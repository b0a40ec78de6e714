package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

// summed is a frame that tells a message with its reactions.
type summed struct {
	Type, Change string
	ClientID     string `json:"client_id"`
	Seq          int64
	Message      struct {
		ID        string
		Reactions []struct {
			Emoji string
			Count int
			By    []string
		}
	}
}

func (m *member) summed() (f summed) {
	m.t.Helper()
	text := m.text()
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		m.t.Fatal(text, err)
	}
	return f
}

// withRedis starts nodes of one chat that hear one another.
func withRedis(t *testing.T, database string, n int, flags ...string) []*server {
	return nodesOn(t, redisserver.Start(t).URL(), database, n, flags...)
}

// TestManyReactionsOnThreeNodesAreFewEvents: each is acked; the numbers are dense; what is told
// last is what was set; and a node tells one summary a second.
func TestManyReactionsOnThreeNodesAreFewEvents(t *testing.T) {
	besideOthers(t)
	const perNode = 40
	nodes := withRedis(t, migrated.Postgres(t, pgserver.Shared(t)), 3)
	nodes[0].seed(persist.Fleet(3*perNode+1, 1))
	watcher, _ := nodes[0].join(3*perNode, 0)
	far, _ := nodes[2].join(3*perNode, 0)
	id := nodes[0].post(3*perNode, persist.FleetTrip(0).String(), "who comes?").ID
	watcher.read()
	far.read()
	begun := time.Now()
	var users sync.WaitGroup
	for i := range 3 * perNode {
		m := nodes[i%3].joinAs2(i, 0)
		users.Go(func() {
			// Set, taken away, and set again, with a resend: the last intention counts.
			for n, on := range []bool{true, false, true, true} {
				m.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":"%s","on":%v,"client_id":"c%d"}`, id, []string{"👍", "👍\ufe0f"}[i%2], on, n))
			}
			for acks := 0; acks < 4; {
				if f := m.summed(); f.Type == "ack" {
					acks++
				} else if f.Type == "error" {
					t.Errorf("user %d got %+v", i, f)
					return
				}
			}
		})
	}
	users.Wait()
	for _, w := range []*member{watcher, far} {
		events := 0
		for count, seq := 0, int64(1); count < 3*perNode; events++ {
			f := w.summed()
			if f.Type != "message_edited" || f.Message.ID != id || f.Seq != seq+1 || len(f.Message.Reactions) > 1 {
				t.Fatalf("after %d: %+v", seq, f)
			}
			if seq, count = f.Seq, 0; len(f.Message.Reactions) == 1 {
				count = f.Message.Reactions[0].Count
			}
		}
		if most := 3 * (2 + int(time.Since(begun)/time.Second)); events > most {
			t.Errorf("%d events in %v, and not %d", events, time.Since(begun), most)
		}
	}
}

// TestASummaryThatANodeOwesIsToldByAnother: between the reaction and its summary the node is gone.
func TestASummaryThatANodeOwesIsToldByAnother(t *testing.T) {
	besideOthers(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	nodes := withRedis(t, database, 2)
	amina, _ := nodes[0].join(0, 0)
	jonas, _ := nodes[1].join(2, 0)
	amina.send(`{"type":"chat_message","content":"hello"}`)
	id := amina.read().Message.ID
	jonas.read()
	near := nodes[0].joinAs2(4, 0)
	for n, emoji := range []string{"a", "b"} { // the first is told at once, the second is due in a second
		near.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":%q,"on":true,"client_id":"c%d"}`, id, emoji, n))
	}
	for f := (summed{}); f.ClientID != "c1"; {
		f = near.summed()
	}
	nodes[0].shutDown()
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgserver.Shared(t).Exec(strings.TrimPrefix(at.Path, "/"), "UPDATE chat_summaries_due SET due_at = due_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	for f := (summed{}); len(f.Message.Reactions) != 2; {
		if f = jonas.summed(); f.Type != "message_edited" || f.Change != "summary" || f.Message.ID != id {
			t.Fatalf("%+v", f)
		}
	}
	owed := nodes[1].call(bearer(t, 0), "GET", messagesPath+uuid.MustParse(id).String()+"/", "")
	if body := string(owed.body); strings.Count(body, `"emoji"`) != 2 || !strings.Contains(body, `"is_edited":false`) {
		t.Errorf("read: %s", body)
	}
}
