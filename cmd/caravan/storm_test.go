package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// crowd is many members on some servers, which are processes of their own.
type crowd struct {
	t       *testing.T
	trips   int
	nodes   []*hostileNode
	members []*crowdMember
}

// crowdMember is one of them, who speaks version 2.
type crowdMember struct {
	*wire.Client
	user int
}

// gather starts servers on PostgreSQL and Redis, and lets one user after another into the room of
// their trip, each on the next server.
func gather(t *testing.T, nodes, members, trips int) *crowd {
	t.Helper()
	c := &crowd{t: t, trips: trips}
	of, redis := migrated.Postgres(t, pgserver.Shared(t)), redisserver.Start(t).URL()
	if seeded := caravan(t, nil, "seed", "--users", strconv.Itoa(members), "--trips", strconv.Itoa(trips), "--database", of); seeded.status != 0 {
		t.Fatalf("seed: %+v", seeded)
	}
	for range nodes {
		n := startHostile(t, of, nil, "--redis", redis, "--rate", "0", "--log-level", "info")
		await.Until(t, "Redis carries notices", func() bool { return n.metric("caravan_backplane_healthy") == 1 })
		c.nodes = append(c.nodes, n)
	}
	for i := range members {
		c.enter(i)
	}
	return c
}

func (c *crowd) enter(user int) {
	c.t.Helper()
	node := c.nodes[user%len(c.nodes)]
	at, err := wire.ParseEndpoint("ws://" + node.listen)
	if err != nil {
		c.t.Fatal(err)
	}
	bearer, err := token.Sign([]byte(hostileSecret), persist.FleetUser(user), time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), await.Limit)
	defer cancel()
	client, err := wire.Dial(ctx, at, "/ws/chat/"+persist.FleetTrip(user%c.trips).String()+"/?v=2", wire.Credential{Bearer: bearer}, [4]byte{1, 2, 3, 4}, 1<<20)
	if err != nil {
		c.t.Fatalf("user %d: %v", user, err)
	}
	c.t.Cleanup(client.Abort)
	m := &crowdMember{client, user}
	for _, first := range []string{"message_history", "own"} {
		if f, err := m.hear(); err != nil || f.Type != first {
			c.t.Fatalf("user %d: %+v in place of %s, %v", user, f, first, err)
		}
	}
	c.members = append(c.members, m)
}

func (m *crowdMember) hear() (f reactedFrame, err error) {
	text, err := m.Read()
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	return f, err
}

func (m *crowdMember) react(message, name string) error {
	return m.Write(fmt.Appendf(nil, `{"type":"react","message_id":%q,"emoji":"👍","on":true,"client_id":%q}`, message, name))
}

// post sends a message over REST, and returns its id.
func (c *crowd) post(user int, content string) string {
	c.t.Helper()
	status, answer := c.nodes[0].call(user, "POST", "/api/v1/chat/messages/", fmt.Sprintf(`{"chat_room":%q,"content":%q}`, persist.FleetTrip(user%c.trips), content))
	var m struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &m); err != nil || status != 201 {
		c.t.Fatalf("%d %s", status, answer)
	}
	return m.ID
}

// crowdCost is what servers have spent so far.
type crowdCost struct {
	samples          []proc.Sample
	sent, deliveries float64
}

func (c *crowd) spent() (s crowdCost) {
	c.t.Helper()
	for _, n := range c.nodes {
		sample, err := proc.Read(n.cmd.Process.Pid)
		if err != nil {
			c.t.Fatal(err)
		}
		s.samples = append(s.samples, sample)
		s.sent += n.metric("caravan_sent_bytes_total")
		s.deliveries += n.metric("caravan_deliveries_total")
	}
	return s
}

// since tells what was spent since an earlier look.
func (s crowdCost) since(before crowdCost) (cpu time.Duration, megabytes, deliveries float64) {
	for i := range s.samples {
		cpu += s.samples[i].Since(before.samples[i])
	}
	return cpu, (s.sent - before.sent) / 1e6, s.deliveries - before.deliveries
}

// crowded has the tests of reactions do what docs/bench.md tells of.
var crowded = flag.Bool("crowded", false, "have a thousand members react in ten seconds, and members of many rooms ten thousand times a second")

// TestReactionsOfARoomAreFewEvents: hundreds of members of one room on three servers react to one
// message within seconds. Each has its ack. The room is told a summary a second and server, the
// numbers are dense, and in the end everybody knows the count, which is that of the rows. It is
// said what that costs beside an event for each.
func TestReactionsOfARoomAreFewEvents(t *testing.T) {
	t.Parallel()
	members, lasting, edits := 500, 4*time.Second, 10
	if *crowded {
		members, lasting, edits = 1_000, 10*time.Second, 50
	}
	c := gather(t, 3, members, 1)
	id := c.post(0, "who comes?")
	before, begun := c.spent(), time.Now()
	took := make([]time.Duration, members)
	events := make([]int, members)
	var all sync.WaitGroup
	for i, m := range c.members {
		at := begun.Add(time.Duration(i) * lasting / time.Duration(members))
		sent := make(chan time.Time, 1)
		all.Go(func() {
			time.Sleep(time.Until(at))
			sent <- time.Now()
			if err := m.react(id, "r"); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			for seq, count, acked := int64(1), 0, false; count < members || !acked; {
				f, err := m.hear()
				switch {
				case err != nil:
					t.Errorf("user %d: %v", m.user, err)
					return
				case f.Type == "ack":
					acked, took[i] = true, time.Since(<-sent)
				case f.Type == "message_edited" && f.Seq == seq+1: // the server was late, and has it from the database
					f.Set = f.Message
					fallthrough
				case f.Type == "message_patch" && f.Seq == seq+1:
					seq, count = f.Seq, f.Set.count()
					events[i]++
				case f.Type != "chat_message":
					t.Errorf("user %d, at %d: %+v", m.user, seq, f)
					return
				}
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begun)
	cpu, megabytes, deliveries := c.spent().since(before)
	if most := 3 * (2 + int(elapsed/time.Second)); events[0] > most || slices.Max(events) != events[0] || slices.Min(events) != events[0] {
		t.Errorf("%d to %d events in %v, want %d at most", slices.Min(events), slices.Max(events), elapsed, most)
	}
	if rows := c.rows(id); rows != members {
		t.Errorf("%d rows", rows)
	}
	slices.Sort(took)
	t.Logf("%d reactions in %v: %d events, %.0f deliveries, %.2f MB, %v of CPU of the servers; ack p50 %v, p99 %v",
		members, elapsed.Round(time.Second/10), events[0], deliveries, megabytes, cpu.Round(time.Millisecond), took[members/2], took[members*99/100])

	before = c.spent()
	c.edits(id, edits)
	cpu2, megabytes2, deliveries2 := c.spent().since(before)
	more := float64(members) / float64(edits)
	t.Logf("an event each, of %d edits: %.0f deliveries, %.2f MB, %v of CPU; of %d that is %.0f MB, %v", edits, deliveries2, megabytes2, cpu2.Round(time.Millisecond),
		members, megabytes2*more, time.Duration(float64(cpu2)*more).Round(time.Millisecond))
	if megabytes > megabytes2*more/10 {
		t.Errorf("%.2f MB were sent; an event each would be %.0f", megabytes, megabytes2*more)
	}
}

// rows counts who has reacted to a message.
func (c *crowd) rows(id string) (n int) {
	c.t.Helper()
	for path := "/api/v1/chat/messages/" + id + "/reactions/?limit=200"; path != ""; {
		_, answer := c.nodes[0].call(0, "GET", path, "")
		var page struct {
			Results []json.RawMessage
			Next    *string
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil {
			c.t.Fatal(answer, err)
		}
		n += len(page.Results)
		if path = ""; page.Next != nil {
			path = (*page.Next)[strings.Index(*page.Next, "/api/"):]
		}
	}
	return n
}

// edits changes a message, again and again, and returns when everybody has been told all.
func (c *crowd) edits(id string, edits int) {
	c.t.Helper()
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Go(func() {
			for range edits {
				if f, err := m.hear(); err != nil || f.Type != "message_edited" {
					c.t.Errorf("user %d: %+v, %v", m.user, f, err)
					return
				}
			}
		})
	}
	for i := range edits {
		if status, answer := c.nodes[0].call(0, "PATCH", "/api/v1/chat/messages/"+id+"/", fmt.Sprintf(`{"content":"who comes? %d"}`, i)); status != 200 {
			c.t.Fatal(status, answer)
		}
	}
	all.Wait()
}

// TestReactionsOfManyMessagesAreAllAnswered: members of many rooms react to many messages, thousands
// of times a second by the clock. It is said how long the acks take.
func TestReactionsOfManyMessagesAreAllAnswered(t *testing.T) {
	t.Parallel()
	const members, trips, messages = 100, 50, 6 // messages of each room
	rate, lasting := 3_000, 2*time.Second
	if *crowded {
		rate, lasting = 10_000, 3*time.Second
	}
	c := gather(t, 1, members, trips)
	var of [trips][]string
	for i := range trips {
		for n := range messages {
			of[i] = append(of[i], c.post(i, fmt.Sprintf("message %d", n)))
		}
	}
	before, begun := c.spent(), time.Now()
	each := rate * int(lasting/time.Second) / members
	took := make([][]time.Duration, members)
	var all sync.WaitGroup
	for i, m := range c.members {
		due := func(n int) time.Time { return begun.Add(time.Duration(n) * lasting / time.Duration(each)) }
		all.Go(func() {
			for n := range each {
				time.Sleep(time.Until(due(n)))
				mine := of[m.user%trips]
				if err := m.Write(fmt.Appendf(nil, `{"type":"react","message_id":%q,"emoji":"👍","on":%t,"client_id":"%d"}`, mine[n%len(mine)], n/len(mine)%2 == 0, n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		all.Go(func() {
			for len(took[i]) < each {
				f, err := m.hear()
				if err != nil || f.Type == "error" {
					t.Errorf("user %d after %d: %+v, %v", m.user, len(took[i]), f, err)
					return
				}
				if n, err := strconv.Atoi(f.ClientID); f.Type == "ack" && err == nil {
					took[i] = append(took[i], time.Since(due(n)))
				}
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begun)
	cpu, megabytes, deliveries := c.spent().since(before)
	acks := slices.Sorted(slices.Values(slices.Concat(took...)))
	t.Logf("%d reactions, asked for in %v, acknowledged in %v: %.0f a second; %v of CPU of the server, %.1f µs each; %.0f deliveries, %.1f MB; ack p50 %v, p99 %v",
		len(acks), lasting, elapsed.Round(time.Millisecond), float64(len(acks))/elapsed.Seconds(), cpu.Round(time.Millisecond),
		float64(cpu.Microseconds())/float64(len(acks)), deliveries, megabytes, acks[len(acks)/2], acks[len(acks)*99/100])
	if len(acks) != members*each {
		t.Errorf("%d of %d", len(acks), members*each)
	}
}
