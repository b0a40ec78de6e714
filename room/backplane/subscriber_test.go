package backplane

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/presence"
)

// inbox is an Inbound that keeps what it gets.
type inbox struct {
	mu      sync.Mutex
	batches []*room.Batch
	notices []*room.Notice
	caught  map[uuid.UUID]int
	said    []*presence.Said
	watched []uuid.UUID
	met     int
}

func (x *inbox) Announce(b *room.Batch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.batches = append(x.batches, b)
}

func (x *inbox) AnnounceNotice(n *room.Notice) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.notices = append(x.notices, n)
}

func (x *inbox) AnnouncePresence(said *presence.Said) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.said = append(x.said, said)
}

func (x *inbox) AnnounceWatched(rooms []uuid.UUID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.watched = append(x.watched, rooms...)
}

func (x *inbox) Met() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.met++
}

func (x *inbox) CatchUp(roomID uuid.UUID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.caught[roomID]++
}

func (x *inbox) times(roomID uuid.UUID) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.caught[roomID]
}

// open starts a Backplane on a Redis and waits until it is healthy.
func open(t testing.TB, url string) (*Backplane, *inbox) {
	t.Helper()
	b, err := New(Config{URL: url, Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{caught: make(map[uuid.UUID]int)}
	b.Start(in)
	t.Cleanup(b.Close)
	until(t, "healthy", b.Healthy)
	return b, in
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never ", what)
		}
	}
}

// TestSubscriptionsLinger lets the members of a room go and come back: within a
// while Redis hears nothing of it, but the room is compared with the database.
func TestSubscriptionsLinger(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	b, in := open(t, r.URL())
	s := b.slots[0].subscriber
	subscribed := func() bool {
		n, err := r.Do("PUBLISH", b.slots[0].channel(roomR), "anybody?")
		if err != nil {
			t.Fatal(err)
		}
		return n == "1"
	}
	b.Follow(roomR)
	until(t, "told to catch up", func() bool { return in.times(roomR) == 1 })
	if !subscribed() {
		t.Fatal("told to catch up before Redis has the subscription")
	}
	b.Unfollow(roomR)
	if gone := s.takeStale(time.Now().Add(linger / 2)); len(gone) > 0 || !subscribed() {
		t.Fatal("the subscription did not linger")
	}
	b.Follow(roomR)
	if in.times(roomR) != 2 {
		t.Error("nobody was told to catch up with what came while nobody kept it")
	}
	b.Follow(roomR) // before the Unfollow of another loop
	b.Unfollow(roomR)
	if gone := s.takeStale(time.Now().Add(2 * linger)); len(gone) > 0 {
		t.Error("a room that is followed was given up")
	}
	b.Unfollow(roomR)
	s.mu.Lock()
	s.wanted[roomR].idle = time.Now().Add(-2 * linger)
	s.mu.Unlock()
	until(t, "unsubscribed", func() bool { return !subscribed() })
	if n := b.Stats().SubscriptionsNow; n != 0 {
		t.Errorf("%d rooms are wanted", n)
	}
	b.Follow(roomR)
	until(t, "subscribed again", subscribed)
	if n := b.Stats().Reconnects; n != 0 {
		t.Errorf("%d connections broke: an asked unsubscribe was taken for a moved slot", n)
	}
}

func TestUnaskedUnsubscribeMeansAMovedSlot(t *testing.T) {
	b, err := New(Config{URL: "redis://h", Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	b.inbound = &inbox{caught: make(map[uuid.UUID]int)}
	s := b.slots[0].subscriber
	s.follow(roomR)
	word := func(kind, channel string) bool {
		return s.confirmed(rueidis.PubSubSubscription{Kind: kind, Channel: channel})
	}
	channel := s.slot.channel(roomR)
	if !word("ssubscribe", channel) || !word("subscribe", s.slot.heartbeat) {
		t.Error("a subscription was taken for a moved slot")
	}
	if word("sunsubscribe", channel) || word("sunsubscribe", s.slot.heartbeat) {
		t.Error("an unasked unsubscribe was not noticed")
	}
	s.unfollow(roomR, time.Now())
	if len(s.takeStale(time.Now().Add(2*linger))) != 1 || !word("sunsubscribe", channel) {
		t.Error("an asked unsubscribe was taken for a moved slot")
	}
	if word("sunsubscribe", channel) {
		t.Error("a second unsubscribe was not noticed")
	}
}

// TestClientIsMadeAnewWhereItsServerBecameAReplica turns the server into a
// replica of another one: publishing there works, and reaches nobody.
func TestClientIsMadeAnewWhereItsServerBecameAReplica(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	b, _ := open(t, r.URL())
	if _, err := r.Do("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	// Soon the lease is refused, the client made anew, and refused again.
	until(t, "given up", func() bool { return errors.Is(b.trouble.take(), errReadOnly) })
	until(t, "unhealthy", func() bool { return !b.Healthy() })
	time.Sleep(heartbeatEvery)
	if b.Healthy() {
		t.Error("healthy on a replica")
	}
	if _, err := r.Do("REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	until(t, "healthy again", b.Healthy)
}

func TestHealthAndRoundTripTellOfSilence(t *testing.T) {
	b, err := New(Config{URL: "redis://h", Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	b.started = time.Now().Add(-time.Hour)
	if b.Healthy() {
		t.Error("healthy before any heartbeat came")
	}
	s := b.slots[0].subscriber
	at := b.now()
	s.received(at, at-5*time.Millisecond)
	if got := b.Stats(); !got.HealthyNow || got.RoundTripNow < 5*time.Millisecond || got.RoundTripNow > time.Second {
		t.Errorf("after a heartbeat: %+v", got)
	}
	b.started = b.started.Add(-heartbeatLate)
	if got := b.Stats(); got.HealthyNow || got.RoundTripNow < heartbeatLate-heartbeatEvery {
		t.Errorf("after silence: %+v", got)
	}
}

// TestRoomsThatComeAfterOneAnotherAreSubscribedTogether: for each SUBSCRIBE Redis is asked, and then the
// database.
func TestRoomsThatComeAfterOneAnotherAreSubscribedTogether(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	b, in := open(t, r.URL())
	commands := func() int {
		text, err := r.Do("INFO", "commandstats")
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for line := range strings.Lines(text) {
			if of, found := strings.CutPrefix(line, "cmdstat_subscribe:calls="); found {
				digits, _, _ := strings.Cut(of, ",")
				if calls, err = strconv.Atoi(digits); err != nil {
					t.Fatal(err)
				}
			}
		}
		return calls
	}
	before := commands() // of the heartbeat at least
	if before == 0 {
		t.Fatal("Redis says nothing of SUBSCRIBE")
	}
	const rooms = 50
	began := time.Now()
	for i := range rooms {
		room := uuid.UUID{1, byte(i)}
		b.Follow(room)
		if i == 0 {
			until(t, "the first is subscribed, alone", func() bool { return in.times(room) == 1 })
		}
		time.Sleep(2 * time.Millisecond)
	}
	for i := range rooms {
		until(t, "told to catch up", func() bool { return in.times(uuid.UUID{1, byte(i)}) == 1 })
	}
	took := time.Since(began)
	if n, most := commands()-before, 2+int(took/subscribePause); n > most {
		t.Errorf("%d rooms took %d commands in %v, want %d at most", rooms, n, took, most)
	}
}
