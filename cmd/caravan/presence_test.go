package main

import (
	"encoding/json"
	"flag"
	"maps"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
)

// person is a device of a user, who watches who is there and knows it by what it is told.
type person struct {
	t      *testing.T
	client *wire.Client

	mu      sync.Mutex
	users   map[uuid.UUID]bool
	partial bool
	frames  int // of presence
	ended   bool
	counted int         // of the last one
	must    []uuid.UUID // who has to be in each frame that is not partial
}

// device connects a user to the first trip, and has it watch.
func (n *hostileNode) device(i int) *person {
	n.t.Helper()
	at, err := wire.ParseEndpoint("http://" + n.listen)
	if err != nil {
		n.t.Fatal(err)
	}
	client, err := wire.Dial(n.t.Context(), at, "/ws/chat/"+persist.FleetTrip(0).String()+"/?v=2", wire.Credential{Bearer: n.bearer(i)}, [4]byte{1, 2, 3, 4}, 16<<20)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(client.Abort)
	if err := client.Write([]byte(`{"type":"watch","presence":true}`)); err != nil {
		n.t.Fatal(err)
	}
	p := &person{t: n.t, client: client}
	go p.listen()
	return p
}

func (p *person) listen() {
	for {
		text, err := p.client.Read()
		if err != nil {
			p.mu.Lock()
			p.ended = true
			p.mu.Unlock()
			return
		}
		var f struct {
			Type                string
			Online              int
			Full, Partial       bool
			Users, Joined, Left []uuid.UUID
		}
		if json.Unmarshal(text, &f) == nil && f.Type == "presence" {
			p.mu.Lock()
			p.learn(f.Full, append(f.Users, f.Joined...), f.Left)
			if named := f.Full || len(f.Joined)+len(f.Left) > 0; named && len(p.users) != f.Online {
				p.t.Errorf("%d are known after %s", len(p.users), text)
			}
			for _, u := range p.must {
				if !f.Partial && !p.users[u] {
					p.t.Errorf("%s is missing after %s", u, text)
				}
			}
			p.partial, p.counted = f.Partial, f.Online
			p.frames++
			p.mu.Unlock()
		}
	}
}

func (p *person) learn(full bool, joined, left []uuid.UUID) {
	if full {
		p.users = make(map[uuid.UUID]bool)
	}
	for _, u := range joined {
		p.users[u] = true
	}
	for _, u := range left {
		delete(p.users, u)
	}
}

// sees reports whether it knows these users to be there, and no others.
func (p *person) sees(partial bool, users ...int) bool {
	want := make(map[uuid.UUID]bool)
	for _, u := range users {
		want[persist.FleetUser(u)] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.partial == partial && maps.Equal(p.users, want)
}

// demands says who has to be in each frame from now on that is not partial.
func (p *person) demands(users ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range users {
		p.must = append(p.must, persist.FleetUser(u))
	}
}

func (p *person) told() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames
}

// presentNodes are servers on one database and one Redis, with a trip of that many users.
func presentNodes(t *testing.T, nodes, users int, redis string, flags ...string) (all []*hostileNode) {
	t.Helper()
	database := migrated.Postgres(t, pgserver.Shared(t))
	if seeded := caravan(t, nil, "seed", "--users", strconv.Itoa(users), "--trips", "1", "--database", database); seeded.status != 0 {
		t.Fatalf("seed: %+v", seeded)
	}
	for range nodes {
		all = append(all, &hostileNode{serveBy(t, plainProcess(t, nil, append([]string{"--database", database, "--jwt-secret", hostileSecret, "--redis", redis}, flags...)...))})
	}
	for _, n := range all {
		await.Until(t, "Redis carries notices", func() bool { return n.metric("caravan_backplane_healthy") == 1 })
	}
	return all
}

// TestThreeNodesAgreeOnWhoIsThere: on one Redis and on a Cluster of it, with two devices of each
// user, while servers and Redis are stopped and killed.
func TestThreeNodesAgreeOnWhoIsThere(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		redis := redisserver.Start(t)
		agreeOnWhoIsThere(t, redis.URL(), []*redisserver.Server{redis})
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster := redisserver.StartCluster(t, 3)
		agreeOnWhoIsThere(t, cluster.URL(), cluster.Nodes)
	})
}

func agreeOnWhoIsThere(t *testing.T, url string, redis []*redisserver.Server) {
	const grace, slack = 2 * time.Second, 5 * time.Second // which is far from the end of a lease
	nodes := presentNodes(t, 3, 6, url, "--presence-grace", grace.String())
	a, b, c := nodes[0], nodes[1], nodes[2]
	watchers := []*person{a.device(0), b.device(0), b.device(1), c.device(1), a.device(2), c.device(2)}
	see := func(what string, within time.Duration, partial bool, users ...int) {
		t.Helper()
		begun := time.Now()
		await.Until(t, what, func() bool {
			for _, w := range watchers {
				w.mu.Lock()
				ended := w.ended
				w.mu.Unlock()
				if !ended && !w.sees(partial, users...) {
					return false
				}
			}
			return true
		})
		if took := time.Since(begun); within > 0 && took > within {
			t.Errorf("%s: after %v", what, took)
		}
	}
	see("all are there", 0, false, 0, 1, 2)

	guest := c.device(3)
	see("another one comes", 0, false, 0, 1, 2, 3)
	frames := watchers[0].told()
	guest.client.Abort()
	guest = b.device(3)
	c.signal(syscall.SIGSTOP)
	time.Sleep(10 * time.Second)
	c.signal(syscall.SIGCONT)
	await.Until(t, "it hears the others again", func() bool { return c.metric("caravan_backplane_healthy") == 1 })
	for _, server := range redis {
		if _, err := server.Do("FLUSHALL"); err != nil {
			t.Error(err)
		}
	}
	last := c.device(4)
	see("a guest who came back, a stop and an emptied Redis are no news", 0, false, 0, 1, 2, 3, 4)
	if told := watchers[0].told() - frames; told != 1 {
		t.Errorf("%d frames in place of one", told)
	}
	last.client.Abort()
	guest.client.Abort()
	see("they leave", 0, false, 0, 1, 2)

	lost := time.Now()
	for _, server := range redis {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	c.device(5)
	await.Until(t, "each tells of its own users", func() bool {
		return watchers[0].sees(true, 0, 2) && watchers[1].sees(true, 0, 1) && watchers[3].sees(true, 1, 2, 5)
	})
	if took := time.Since(lost); took > 25*time.Second {
		t.Errorf("that Redis is lost was told after %v", took)
	}
	for _, w := range watchers {
		w.demands(0, 1, 2, 5)
	}
	for _, server := range redis {
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	see("all are heard again", 0, false, 0, 1, 2, 5)
	for _, w := range watchers {
		w.mu.Lock()
		w.must = nil
		w.mu.Unlock()
	}

	c.signal(syscall.SIGKILL)
	<-c.eof
	see("its users have gone with a node", 20*time.Second, false, 0, 1, 2)
	status, body := b.call(0, "GET", "/api/v1/chat/rooms/"+persist.FleetTrip(0).String()+"/members/", "")
	if status != 200 || !strings.HasPrefix(body, `{"online":3,`) || strings.Count(body, `"online":true`) != 3 {
		t.Errorf("%d %s", status, body)
	}
	b.signal(syscall.SIGTERM)
	<-b.eof
	begun := time.Now() // to drain may take its time
	await.Until(t, "it has gone, and its users", func() bool { return watchers[0].sees(false, 0, 2) })
	took := time.Since(begun)
	if t.Logf("a clean end was known after %v", took); took > time.Second+grace+slack {
		t.Error("that is too long")
	}
}

// returning is how many members TestMembersWhoComeBackAreToldLittle has.
var returning = flag.Int("returning", 600, "how many members TestMembersWhoComeBackAreToldLittle has come back")

// TestMembersWhoComeBackAreToldLittle has one room's members, who all watch, come back to three
// servers after a restart: each is told how many there are, and not of each other. With
// -returning 10000 it is as large as a room may be.
func TestMembersWhoComeBackAreToldLittle(t *testing.T) {
	nodes := presentNodes(t, 3, *returning, redisserver.Start(t).URL(), "--connections-per-user", "0", "--presence-grace", "1s")
	begun := time.Now()
	people := make([]*person, *returning)
	var coming sync.WaitGroup
	for w := range 8 {
		coming.Go(func() {
			for i := w; i < len(people); i += 8 {
				people[i] = nodes[i%len(nodes)].device(i)
			}
		})
	}
	coming.Wait()
	came := time.Since(begun)
	await.Until(t, "all know how many they are", func() bool {
		for _, p := range people {
			p.mu.Lock()
			n := p.counted
			p.mu.Unlock()
			if n != len(people) {
				return false
			}
		}
		return true
	})
	frames, most := 0, 0
	for _, p := range people {
		frames += p.told()
		most = max(most, p.told())
	}
	lasted := time.Since(begun)
	t.Logf("%d members came in %v, and knew of all after %v: %d frames, %d at most for one", len(people), came, lasted, frames, most)
	if limit := int(lasted/(5*time.Second)) + 2; most > limit { // the first, and one begun
		t.Errorf("%d frames for a member, in %v", most, lasted)
	}
}
