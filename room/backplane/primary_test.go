package backplane

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// knows is a Primary that believes what it hears.
type knows struct {
	atomic.Uint32
	mu    sync.Mutex
	grown chan struct{} // nil: nobody waits
}

func (k *knows) Timeline() room.Timeline { return room.Timeline(k.Load()) }

func (k *knows) Heard(t room.Timeline) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Store(max(k.Load(), uint32(t)))
	if k.grown != nil {
		close(k.grown)
		k.grown = nil
	}
}

func (k *knows) Beyond(t room.Timeline) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Timeline() > t {
		met := make(chan struct{})
		close(met)
		return met
	}
	if k.grown == nil {
		k.grown = make(chan struct{})
	}
	return k.grown
}

func on(t room.Timeline) *knows {
	k := &knows{}
	k.Heard(t)
	return k
}

func sampleOn(t room.Timeline) *room.Batch {
	b := sample()
	b.Timeline = t
	return b
}

// TestTimelineKeepsItsBytes: nodes of later versions must understand them, and those of
// builds before must take them for a newer version, which they read from the database.
func TestTimelineKeepsItsBytes(t *testing.T) {
	const before = 0x7f // what those take for the version
	plain, timed := encodeEvents(nodeA, sample()), encodeEvents(nodeA, sampleOn(0x01020304))
	want := bytes.Clone(plain[:len(plain)-sumBytes])
	want[len(magic)] |= 0x40
	want = append(want[:headerBytes], append([]byte{4, 3, 2, 1}, plain[headerBytes:len(plain)-sumBytes]...)...)
	if got := timed[:len(timed)-sumBytes]; !bytes.Equal(got, want) {
		t.Errorf("sent as\n%x, want\n%x", got, want)
	}
	if version := timed[len(magic)] & before; version <= protocol.LogVersion {
		t.Errorf("builds before understand version %d", version)
	}
	e, err := readWhole(timed)
	if err != nil || e.version != wholeVersion || e.batch.Timeline != 0x01020304 || !sameBatch(e.batch, sampleOn(0)) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, none := range []string{"43564101", "43564105"} {
		p, _ := hex.DecodeString(none)
		p = append(p, make([]byte, 32+4)...) // zero is no timeline
		if _, err := readWhole(seal(p)); !errors.Is(err, errMalformed) {
			t.Errorf("%x: %v", p, err)
		}
	}
	if e, err := readWhole(encodePrimary(nodeA, 3)); err != nil || e.timeline != 3 || e.kind != envelopePrimary {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestWhatAFormerPrimaryHasIsNotTold hands in notices of several timelines.
func TestWhatAFormerPrimaryHasIsNotTold(t *testing.T) {
	primary := on(2)
	b, in, receive := receiver(t, Config{Primary: primary})
	b.slots[0].subscriber.follow(roomR)
	clear(in.caught)
	for _, c := range []struct {
		of, then room.Timeline
		told     bool
	}{
		{0, 2, true}, // of a build before this
		{2, 2, true},
		{1, 2, false},
		{3, 3, true},
		{2, 3, false},
		{0, 3, true},
	} {
		before := len(in.batches)
		receive(encodeEvents(nodeA, sampleOn(c.of)))
		if told := len(in.batches) > before; told != c.told || primary.Timeline() != c.then {
			t.Errorf("timeline %d: told %v, then %d is known", c.of, told, primary.Timeline())
		}
	}
	if s := b.Stats(); s.OldTimeline != 2 {
		t.Errorf("%+v", s)
	}
	if rooms := b.hints.take(); len(rooms) != 1 || rooms[0] != roomR {
		t.Errorf("compared with the database: %v", rooms)
	}
	b.slots[0].subscriber.message(string(keyOf(t, "another secret of another deployment", roomR, "caravan").sign(encodeEvents(nodeA, sampleOn(9)), b.started)))
	b.slots[0].subscriber.message(string(encodeEvents(nodeA, sampleOn(9))))
	if primary.Timeline() != 3 {
		t.Errorf("a stranger is believed: timeline %d", primary.Timeline())
	}
}

// TestANodeThatStartsHearsOfThePrimary through Redis alone, whatever else stands there.
func TestANodeThatStartsHearsOfThePrimary(t *testing.T) {
	r, deployment := redisserver.Start(t), uuid.New()
	node := func(primary *knows, of uuid.UUID) *Backplane {
		t.Helper()
		b, err := New(Config{URL: r.URL(), Secret: testSecret, Deployment: of, Primary: primary})
		if err != nil {
			t.Fatal(err)
		}
		b.Start(&inbox{caught: make(map[uuid.UUID]int)})
		return b
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.Addr()}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	first := node(on(3), deployment)
	key := first.names.primary() + ":" + DeploymentOf(first.node.String())
	noted := func() []byte {
		note, _ := client.Do(t.Context(), client.B().Get().Key(key).Build()).AsBytes()
		return note
	}
	await.Until(t, "the first one notes it", func() bool { return len(noted()) > 0 })
	first.Close()

	late, stranger := on(1), on(1)
	second, third := node(late, deployment), node(stranger, uuid.New())
	defer second.Close()
	defer third.Close()
	await.Until(t, "the second one hears of it", func() bool { return late.Timeline() == 3 })
	await.Until(t, "the list of nodes has it", func() bool {
		nodes, err := Nodes(t.Context(), Config{URL: r.URL()})
		return err == nil && slices.ContainsFunc(nodes, func(n Node) bool { return n.ID == second.node.String() && n.Timeline == 3 })
	})
	for name, value := range map[string]string{
		"garbage":      "garbage",
		"not signed":   string(encodePrimary(nodeA, 9)),
		"of strangers": string(keyOf(t, "another secret of another deployment", roomR, "caravan").sign(encodePrimary(nodeA, 9), first.started)),
		"lower":        string(first.keys.sign(encodePrimary(nodeA, 2))),
		"no note":      string(first.keys.sign(encodeEvents(nodeA, sampleOn(9)))),
	} {
		if err := client.Do(t.Context(), client.B().Set().Key(key).Value(value).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		await.Until(t, name+" is replaced", func() bool { return second.readPrimary(noted()) == 3 })
	}
	if late.Timeline() != 3 || stranger.Timeline() != 1 {
		t.Errorf("timeline %d; in another deployment %d", late.Timeline(), stranger.Timeline())
	}
}

// TestWhoAsksHearsOfThePrimary through Redis: at once what another node has met, an error
// while Redis is away, and all who ask at one time.
func TestWhoAsksHearsOfThePrimary(t *testing.T) {
	r, deployment := redisserver.Start(t), uuid.New()
	node := func(primary *knows) *Backplane {
		t.Helper()
		b, err := New(Config{URL: r.URL(), Secret: testSecret, Deployment: deployment, Primary: primary})
		if err != nil {
			t.Fatal(err)
		}
		b.Start(&inbox{caught: make(map[uuid.UUID]int)})
		t.Cleanup(b.Close)
		return b
	}
	behind := on(1)
	asks, meets := node(behind), on(1)
	tells := node(meets)
	await.Until(t, "both are there", func() bool { return asks.AskPrimary(t.Context()) == nil && tells.AskPrimary(t.Context()) == nil })
	meets.Heard(2)
	if err := tells.AskPrimary(t.Context()); err != nil { // which notes what it knows
		t.Fatal(err)
	}
	if err := asks.AskPrimary(t.Context()); err != nil || behind.Timeline() != 2 {
		t.Errorf("%v, timeline %d", err, behind.Timeline())
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := asks.AskPrimary(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		all.Go(func() {
			if err := asks.AskPrimary(t.Context()); err == nil {
				t.Error("a Redis that is away says which primary others know")
			}
		})
	}
	all.Wait()
}
