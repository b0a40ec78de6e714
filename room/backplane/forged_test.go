package backplane_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
)

// onEachStore runs a test with a store of each kind, on an empty database.
func onEachStore(t *testing.T, test func(t *testing.T, store store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		test(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s, err := postgres.Open(t.Context(), postgres.Config{URL: migrated.Postgres(t, pgserver.Shared(t)), Log: slog.New(slog.DiscardHandler)})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		must(t, s.Migrate(t.Context()))
		test(t, s)
	})
}

// forgedEvent is what nodes of builds before signatures would have believed: an event
// with the number after the room's last one.
func forgedEvent(in uuid.UUID, seq int64, content string) string {
	id := string(bytes.Repeat([]byte("i"), 16))
	body := `{"content":"` + content + `"}`
	frame := fmt.Sprintf(`{"type":"chat_message","message":%s,"seq":%d}`, body, seq)
	p := binary.AppendUvarint([]byte("CV\x01\x01"+id+string(in[:])+"\x01"), uint64(seq-1))
	p = append(append(p, 1, 1), id...)
	p = binary.AppendUvarint(p, uint64(len(frame)))
	p = binary.AppendUvarint(p, uint64(strings.Index(frame, body)))
	p = binary.AppendUvarint(p, uint64(len(body)))
	return sealed(string(append(p, frame...)))
}

// TestStrangerInRedisSpeaksForNobody publishes events and notices of typing in a room's
// channel, as whoever shares the Redis may. No member is told them, live or in a
// history, and the room goes on without a gap.
func TestStrangerInRedisSpeaksForNobody(t *testing.T) {
	onEachStore(t, func(t *testing.T, store store) {
		r, c := redisserver.Start(t), newCaravanOn(t, store)
		secret, err := store.Secret(t.Context(), "backplane")
		must(t, err)
		cfg := backplane.Config{URL: r.URL(), Secret: secret, LookUp: func(ctx context.Context) ([]byte, error) { return store.Secret(ctx, "backplane") }}
		a, b := c.nodeOn(store, cfg), c.nodeOn(store, cfg)
		in := c.rooms[0].ID
		there := b.join(t, in, "there")
		healthy(t, a, b)
		carriesTo(t, a, b, there)
		publish := func(payload string) {
			t.Helper()
			if command(t, r, "PUBLISH", roomChannel("caravan", in), payload) != "1" {
				t.Fatal("nobody listens to the room's channel")
			}
		}
		const forged = "what nobody has written"
		user, last := c.users[3].ID, there.at()
		for n := range int64(20) {
			publish(forgedEvent(in, last+1+n, forged))
			publish(sealed("CV\x01\x02" + strings.Repeat("i", 16) + string(in[:]) + string(user[:]) + `{"type":"typing"}`))
		}
		await.Until(t, "all is counted", func() bool { return b.bp.Stats().Unsigned == 40 })
		for range 20 {
			carriesTo(t, a, b, there)
		}
		there.mu.Lock()
		if len(there.typings) != 0 {
			t.Errorf("a stranger types: %s", there.typings)
		}
		for _, body := range there.contents {
			if bytes.Contains(body, []byte(forged)) {
				t.Errorf("a stranger speaks: %s", body)
			}
		}
		there.mu.Unlock()
		history := make(chan *room.History, 1)
		b.History(protocol.RoomInfo{Room: in}, nil, func(h *room.History, err error) {
			if err != nil {
				t.Error(err)
			}
			history <- h
		})
		if h := await.Value(t, "the history", history); h == nil || h.Seq != there.at() || bytes.Contains(h.Frame, []byte(forged)) {
			t.Errorf("a newcomer's history: %+v", h)
		}
		a.Notify(in, &c.users[0], &protocol.Intent{Kind: protocol.KindTyping, On: true})
		await.Until(t, "a member who types is told", func() bool {
			there.mu.Lock()
			defer there.mu.Unlock()
			return len(there.typings) > 0
		})
	})
}

// TestUnsignedNoticeHasItsRoomRead is a node of a build before signatures: what it
// stores is told by a node of this one, from the database.
func TestUnsignedNoticeHasItsRoomRead(t *testing.T) {
	onEachStore(t, func(t *testing.T, store store) {
		r, c := redisserver.Start(t), newCaravanOn(t, store)
		older, newer := c.nodeOn(store, backplane.Config{URL: r.URL(), Prefix: "nobody-listens"}), c.nodeOn(store, backplane.Config{URL: r.URL()})
		in := c.rooms[0].ID
		there := newer.join(t, in, "there")
		healthy(t, older, newer)
		channel := roomChannel("caravan", in)
		await.Until(t, "the room is subscribed", func() bool { return command(t, r, "PUBLISH", channel, "hello") == "1" })
		for n := range 5 {
			m := older.send(0, fmt.Sprint("message ", n))
			command(t, r, "PUBLISH", channel, forgedEvent(in, m.Seq, "what it says is not read"))
			there.hears(m.Seq, await.Limit)
			there.mu.Lock()
			var told protocol.Message
			if err := json.Unmarshal(there.contents[m.ID], &told); err != nil || told.Content != m.Content {
				t.Errorf("told: %s, %v", there.contents[m.ID], err)
			}
			there.mu.Unlock()
		}
		if s := newer.bp.Stats(); s.Unsigned != 5 {
			t.Errorf("%+v", s)
		}
	})
}

// TestWhatStandsInRedisIsShownWithCare lists nodes out of entries that somebody else
// has written.
func TestWhatStandsInRedisIsShownWithCare(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	entry := func(id, text string) {
		command(t, r, "SADD", "{caravan}:nodes", id)
		command(t, r, "SET", "{caravan}:node:"+id, text, "EX", "15")
	}
	entry("plain", `{"id":"plain","name":"Müller 1:8000","version":"1.2"}`)
	entry("escape", `{"id":"escape","name":"\u001b]0;owned\u0007\u009b2J\nx\u202e","version":"\u001b[31m"}`)
	entry("large", `{"id":"large","name":"`+strings.Repeat("x", 1<<20)+`"}`)
	entry("wide", `{"id":"wide","name":"`+strings.Repeat("ü", 2_000)+`"}`)
	entry(strings.Repeat("i", 1<<16), `{}`)
	command(t, r, "SADD", "{caravan}:nodes", "a list")
	command(t, r, "RPUSH", "{caravan}:node:a list", `{"id":"a list"}`)
	command(t, r, "SADD", "{caravan}:nodes", "for ever")
	command(t, r, "SET", "{caravan}:node:for ever", `{"id":"for ever","name":"no lease"}`)
	nodes, err := backplane.Nodes(t.Context(), backplane.Config{URL: r.URL()})
	must(t, err)
	if len(nodes) != 3 || nodes[2].Name != strings.Repeat("ü", 100)+"…" || nodes[1].Name != "Müller 1:8000" || nodes[0].Name != `"\x1b]0;owned\a\u009b2J\nx\u202e"` || nodes[0].Version != `"\x1b[31m"` {
		t.Errorf("%+v", nodes)
	}
	var many []string
	for n := range 5_000 {
		many = append(many, fmt.Sprint("node", n))
		if len(many) == 500 {
			command(t, r, append([]string{"SADD", "{caravan}:nodes"}, many...)...)
			many = nil
		}
	}
	for n := range 1_500 {
		command(t, r, "SET", fmt.Sprint("{caravan}:node:node", n), fmt.Sprintf(`{"id":"node%d"}`, n), "EX", "60")
	}
	if nodes, err = backplane.Nodes(t.Context(), backplane.Config{URL: r.URL()}); err != nil || len(nodes) > 1_000 {
		t.Errorf("%d nodes, %v", len(nodes), err)
	}
}
