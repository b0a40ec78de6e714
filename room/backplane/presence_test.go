package backplane

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/presence"
)

// saidSamples are one of each kind.
func saidSamples() []*presence.Said {
	ids := []uuid.UUID{userU, nodeA, roomR}
	none := []uuid.UUID{}
	return []*presence.Said{
		{Kind: presence.Ask, Joined: none, Left: none},
		{Kind: presence.Whole, Version: 7, Joined: ids, Left: none},
		{Kind: presence.Whole, Version: 8, Joined: none, Left: none},
		{Kind: presence.Change, Version: 1 << 50, Joined: ids[:1], Left: ids[1:]},
		{Kind: presence.Still, Version: 9, Joined: none, Left: none},
		{Kind: presence.Counted, Version: 10, Count: 10_001, Joined: none, Left: none},
		{Kind: presence.Leaving, Version: 11, Joined: none, Left: none},
	}
}

func TestWhatIsSaidOfPresenceComesAsItWas(t *testing.T) {
	for _, said := range saidSamples() {
		said.Node, said.Room = nodeA, roomR
		e, err := readWhole(encodePresence(nodeA, said))
		if err != nil || !reflect.DeepEqual(e.said, said) || e.notice != nil || e.version != presenceVersion || !e.kind.lossy() {
			t.Errorf("%+v, %v; want %+v", e, err, said)
		}
	}
	rooms := []uuid.UUID{roomR, userU}
	if e, err := readWhole(encodeWatched(nodeA, rooms)); err != nil || !reflect.DeepEqual(e.watched, rooms) || e.said != nil || e.room != uuid.Nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestPresenceWithAFaultIsMalformed(t *testing.T) {
	whole := encodePresence(nodeA, &presence.Said{Room: roomR, Kind: presence.Whole, Version: 7, Joined: []uuid.UUID{userU}})
	with := func(at int, b byte) []byte {
		p := bytes.Clone(whole[:len(whole)-sumBytes])
		p[at] = b
		return seal(p)
	}
	watched := encodeWatched(nodeA, []uuid.UUID{roomR})
	ofRoom := bytes.Clone(watched[:len(watched)-sumBytes])
	copy(ofRoom[headerBytes-16:], roomR[:])
	for name, p := range map[string][]byte{
		"kind 0":            with(headerBytes+1, 0),
		"a kind of later":   with(headerBytes+1, 99),
		"more users":        with(headerBytes+4, 2),
		"fewer users":       with(headerBytes+4, 0),
		"half a user":       withoutEnd(whole, 5),
		"nothing":           seal(append(begin(nil, header{version: presenceVersion, kind: envelopeNotice, node: nodeA, room: roomR}), byte(protocol.KindPresence))),
		"no rooms":          encodeWatched(nodeA, nil),
		"half a room":       withoutEnd(watched, 3),
		"watched of a room": seal(ofRoom),
	} {
		if e, err := readWhole(p); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestALeaseLastsWithTheHeartbeats(t *testing.T) {
	var l leases
	if l.lives(nodeA, 0, 0) {
		t.Error("a node lives that was never heard")
	}
	now, number := time.Minute, uint64(0)
	hear := func(slot int, met bool) {
		t.Helper()
		if number++; l.heard(nodeA, slot, 2, number, now) != met {
			t.Errorf("at %v: met is not %t", now, met)
		}
	}
	hear(0, true)
	for range 5 {
		now += 5 * time.Second
		hear(0, false)
	}
	if !l.lives(nodeA, 0, now+heardFor-1) || l.lives(nodeA, 0, now+heardFor) {
		t.Error("it does not last as long as it should")
	}
	if l.lives(nodeA, 1, now) {
		t.Error("it lives in a slot where it is not heard")
	}
	now += time.Minute
	if l.heard(nodeA, 0, 2, number, now) || l.lives(nodeA, 0, now) {
		t.Error("a heartbeat that was repeated counts")
	}
	hear(0, true) // it was gone
	for i := range nodesMax + 10 {
		l.known(uuid.UUID{byte(i), byte(i >> 8), 1}, 2, now)
	}
	if len(l.nodes) > nodesMax {
		t.Errorf("%d nodes are known", len(l.nodes))
	}
	if now += leaseKept; l.add(userU, 2, now) == nil || len(l.nodes) != 1 {
		t.Errorf("%d nodes are known after they were gone for long", len(l.nodes))
	}
}

// TestPresenceGoesByRedis: to who follows the room, and which rooms are watched to all, on one
// Redis and on a cluster.
func TestPresenceGoesByRedis(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) string{
		"single":  func(t *testing.T) string { return redisserver.Start(t).URL() },
		"cluster": func(t *testing.T) string { return redisserver.StartCluster(t, 3).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			a, inA := open(t, url)
			b, inB := open(t, url)
			b.Follow(roomR)
			until(t, "subscribed", func() bool { return inB.times(roomR) > 0 })
			said := &presence.Said{Room: roomR, Kind: presence.Whole, Version: 7, Joined: []uuid.UUID{userU}}
			a.PublishPresence(said)
			rooms := make([]uuid.UUID, 3*watchedMax)
			for i := range rooms {
				rooms[i] = uuid.New()
			}
			a.PublishWatched(rooms)
			until(t, "told", func() bool {
				inB.mu.Lock()
				defer inB.mu.Unlock()
				return len(inB.said) == 1 && len(inB.watched) == len(rooms) && inB.met > 0
			})
			if got := inB.said[0]; got.Node != a.Node() || got.Version != 7 || len(got.Joined) != 1 || !b.Lives(a.Node(), roomR) || b.Lives(userU, roomR) {
				t.Errorf("%+v", got)
			}
			inA.mu.Lock()
			defer inA.mu.Unlock()
			if len(inA.said)+len(inA.watched) != 0 {
				t.Error("a node hears itself")
			}
		})
	}
}
