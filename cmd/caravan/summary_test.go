package main

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

// TestASummaryThatAKilledServerLeftIsTold: a server is killed between the commit of a reaction,
// which it has acknowledged, and the summary that it owes the room a second after the last one.
// Whoever runs then tells it, whole, once it has been due for 30 s.
func TestASummaryThatAKilledServerLeftIsTold(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "caravan.db") },
		"postgres": func(t *testing.T) string { return migrated.Postgres(t, pgserver.Shared(t)) },
	} {
		t.Run("the server comes back/"+name, func(t *testing.T) {
			t.Parallel()
			of := database(t)
			start := func() *hostileNode { return startHostile(t, of, nil) }
			leavesSummary(t, start, start)
		})
	}
	t.Run("another one lives", func(t *testing.T) {
		t.Parallel()
		of, redis := migrated.Postgres(t, pgserver.Shared(t)), redisserver.Start(t).URL()
		start := func() *hostileNode {
			n := startHostile(t, of, nil, "--redis", redis)
			await.Until(t, "Redis carries notices", func() bool { return n.metric("caravan_backplane_healthy") == 1 })
			return n
		}
		other := start()
		leavesSummary(t, start, func() *hostileNode { return other })
	})
}

// reactedFrame is a frame that may tell what a message has of reactions.
type reactedFrame struct {
	Type      string `json:"type"`
	ClientID  string `json:"client_id"`
	Seq       int64  `json:"seq"`
	MessageID string `json:"message_id"`
	Set       reactedTo
	Message   reactedTo
	Messages  []reactedTo
}

type reactedTo struct {
	ID        string
	Reactions []struct {
		Count int
		By    []string
	}
}

func (m *reactedTo) count() int {
	if len(m.Reactions) == 0 {
		return 0
	}
	return m.Reactions[0].Count
}

// reactor is a member who speaks version 2.
type reactor struct {
	net.Conn
	t *testing.T
}

func (n *hostileNode) reactor(user int) reactor {
	n.t.Helper()
	conn, err := n.enter(user, "&v=2")
	if err != nil {
		n.t.Fatal(err)
	}
	return reactor{conn, n.t}
}

func (r reactor) say(format string, args ...any) {
	r.t.Helper()
	if err := wsutil.WriteClientText(r.Conn, fmt.Appendf(nil, format, args...)); err != nil {
		r.t.Fatal(err)
	}
}

// hears reads until a frame is the one that is meant.
func (r reactor) hears(what string, is func(*reactedFrame) bool) (f reactedFrame) {
	r.t.Helper()
	_ = r.SetReadDeadline(time.Now().Add(2 * await.Limit))
	for {
		text, err := wsutil.ReadServerText(r.Conn)
		if err != nil {
			r.t.Fatalf("%s: %v", what, err)
		}
		f = reactedFrame{}
		if err := json.Unmarshal(text, &f); err != nil {
			r.t.Fatalf("%s: %v", text, err)
		}
		if is(&f) {
			return f
		}
	}
}

// leavesSummary has a server owe a summary, kills it, and waits for the summary at another one. A
// busy machine may give the server the second that it waits: then another one is killed.
func leavesSummary(t *testing.T, start, other func() *hostileNode) {
	for {
		id := owesSummary(t, start())
		killed := time.Now()
		cid := other().reactor(4)
		past := cid.hears("the history", func(f *reactedFrame) bool { return f.Type == "message_history" })
		if last := past.Messages[len(past.Messages)-1]; last.ID != id || last.count() != 1 {
			continue
		}
		told := cid.hears("the summary that was left", func(f *reactedFrame) bool { return f.MessageID == id || f.Message.ID == id })
		if told.Message.ID == id {
			told.Set = told.Message
		}
		by := told.Set.Reactions[0].By
		if told.Seq != past.Seq+1 || told.Set.count() != 2 || len(by) != 2 || by[1] != persist.FleetUser(2).String() {
			t.Errorf("told after %v: %+v, and the room stood at %d", time.Since(killed), told, past.Seq)
		}
		t.Logf("told %v after the kill", time.Since(killed).Round(time.Second))
		return
	}
}

// owesSummary kills a server as soon as it has acknowledged a reaction, and returns the message.
func owesSummary(t *testing.T, node *hostileNode) (id string) {
	ada, bob := node.reactor(0), node.reactor(2)
	ada.say(`{"type":"chat_message","content":"who comes?"}`)
	id = ada.hears("the message", func(f *reactedFrame) bool { return f.Type == "chat_message" }).Message.ID
	react := func(r reactor, name string) {
		r.say(`{"type":"react","message_id":%q,"emoji":"👍","on":true,"client_id":%q}`, id, name)
		r.hears("the ack of "+name, func(f *reactedFrame) bool { return f.Type == "ack" && f.ClientID == name })
	}
	react(ada, "first") // which is told at once
	bob.hears("the first summary", func(f *reactedFrame) bool { return f.MessageID == id && f.Set.count() == 1 })
	react(bob, "second")
	_ = node.cmd.Process.Kill() // it has not ended before
	<-node.eof
	return id
}
