package backplane

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testSecret is that of all nodes in the tests.
var testSecret = []byte("a deployment's secret of the tests")

// receiver makes a Backplane without a Redis, to hand it payloads, which are signed.
func receiver(t *testing.T, cfg Config) (b *Backplane, in *inbox, receive func(p []byte)) {
	t.Helper()
	cfg.URL, cfg.Secret = "redis://h", testSecret
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	in = &inbox{caught: make(map[uuid.UUID]int)}
	b.inbound = in
	return b, in, func(p []byte) { b.slots[0].subscriber.message(string(b.keys.sign(p))) }
}

// TestUnknownKindsAreHandedIn gets what nodes of version 2 tell of kinds that this
// build does not know.
func TestUnknownKindsAreHandedIn(t *testing.T) {
	b, in, receive := receiver(t, Config{})
	receive(encodeEvents(nodeA, newerSample()))
	receive(encodeNotice(nodeA, noticed("{}")))
	if len(in.batches) != 1 || !sameBatch(in.batches[0], newerSample()) {
		t.Errorf("batches: %+v", in.batches)
	}
	if len(in.notices) != 1 || !sameNotice(in.notices[0], noticed("{}")) {
		t.Errorf("notices: %+v", in.notices)
	}
	if s := b.Stats(); s.Newer+s.Malformed+s.Foreign != 0 {
		t.Errorf("%+v", s)
	}
}

// TestAChangeThatAnOlderNodeTellsIsCaughtUp: it does not know all that a message has. A new
// message has nothing else.
func TestAChangeThatAnOlderNodeTellsIsCaughtUp(t *testing.T) {
	b, in, receive := receiver(t, Config{})
	receive(encodeEvents(nodeA, said()))
	if len(in.batches) != 1 || len(in.caught) != 0 {
		t.Errorf("%d batches, compared %v", len(in.batches), in.caught)
	}
	for version := range uint8(wholeVersion) {
		p := encodeEvents(nodeA, &room.Batch{Room: roomR, Events: []room.Event{event(protocol.KindMessage, 8, 7, "x")}})
		p = p[:len(p)-sumBytes]
		p[len(magic)], p[headerBytes+2] = version, byte(protocol.KindEdit)
		if version == 2 {
			p = slices.Insert(p, headerBytes+4, make([]byte, 16)...) // the id of its row
		}
		clear(in.caught)
		receive(seal(p))
		if got := in.times(roomR); version > 0 && got != 1 {
			t.Errorf("version %d: compared %v", version, in.caught)
		}
	}
	if s := b.Stats(); s.Older != 2 || len(in.batches) != 1 {
		t.Errorf("%+v; %d batches", s, len(in.batches))
	}
}

// TestRoomOfANewerEnvelopeIsCaughtUp gets envelopes of a version that does not exist
// yet. What they tell stands in the database, unless it is only a notice.
func TestRoomOfANewerEnvelopeIsCaughtUp(t *testing.T) {
	b, in, receive := receiver(t, Config{})
	for kind, times := range map[envelopeKind]int{envelopeEvents: 1, 77: 1, envelopeNotice: 0, envelopeTyping: 0} {
		clear(in.caught)
		p := begin(nil, header{version: protocol.LogVersion + 1, kind: kind, node: nodeA, room: roomR})
		receive(seal(append(p, "what a later version says"...)))
		if got := in.times(roomR); got != times || len(in.caught) != times {
			t.Errorf("kind %d: compared %v, want %d times", kind, in.caught, times)
		}
	}
	if s := b.Stats(); s.Newer != 4 || len(in.batches)+len(in.notices) != 0 {
		t.Errorf("%+v; %d batches, %d notices", s, len(in.batches), len(in.notices))
	}
}

// TestOwnNoticesAreNotHandedIn gets what this node has published itself.
func TestOwnNoticesAreNotHandedIn(t *testing.T) {
	b, in, receive := receiver(t, Config{})
	for _, batch := range []*room.Batch{sample(), newerSample()} {
		receive(encodeEvents(b.node, batch))
	}
	receive(encodeNotice(b.node, noticed("{}")))
	if s := b.Stats(); len(in.batches)+len(in.notices) != 0 || s.Received != 3 || s.Malformed != 0 {
		t.Errorf("%+v; %d batches, %d notices", s, len(in.batches), len(in.notices))
	}
	b.started = b.started.Add(-1)
	receive(encodeHeartbeat(b.node, 0))
	if !b.Healthy() {
		t.Error("the own heartbeat was not received")
	}
}

// TestNoticesOfAnotherDeploymentAreIgnored hands in what nodes of this deployment, of
// another one and of an older build tell.
func TestNoticesOfAnotherDeploymentAreIgnored(t *testing.T) {
	here, elsewhere := uuid.New(), uuid.New()
	var log strings.Builder
	b, in, receive := receiver(t, Config{Deployment: here, Log: slog.New(slog.NewTextHandler(&log, nil))})
	tell := func(node uuid.UUID) {
		receive(encodeEvents(node, sample()))
		receive(encodeNotice(node, types("{}")))
		receive(seal(begin(nil, header{version: 99, kind: envelopeEvents, node: node, room: roomR})))
	}
	for range 3 {
		tell(newNode(here))
		tell(nodeA) // of version 4
	}
	if len(in.batches) != 6 || len(in.notices) != 6 || in.times(roomR) != 6 || b.Stats().Foreign != 0 {
		t.Errorf("%d batches, %d notices, compared %d times, %+v", len(in.batches), len(in.notices), in.times(roomR), b.Stats())
	}
	first, second := newNode(elsewhere), newNode(elsewhere)
	for range 3 {
		tell(first)
		tell(second)
	}
	if len(in.batches) != 6 || len(in.notices) != 6 || in.times(roomR) != 6 || b.Stats().Foreign != 18 {
		t.Errorf("%d batches, %d notices, compared %d times, %+v", len(in.batches), len(in.notices), in.times(roomR), b.Stats())
	}
	for range 2 * strangersMax {
		tell(newNode(uuid.New()))
	}
	if strings.Count(log.String(), "\n") != 1 || strings.Count(log.String(), first.String()) != 1 {
		t.Errorf("the log: %s", log.String())
	}
	if got := b.Stats().Foreign; got != 18+3*2*strangersMax {
		t.Errorf("%d counted", got)
	}
}

func TestIDsOfNodesTellTheirDeployment(t *testing.T) {
	here := uuid.New()
	a, b := newNode(here), newNode(here)
	if a == b || a.Version() != 8 || a.Variant() != uuid.RFC4122 || DeploymentOf(a.String()) != DeploymentOf(b.String()) || DeploymentOf(a.String()) == "" {
		t.Errorf("%v and %v", a, b)
	}
	if c := newNode(uuid.New()); DeploymentOf(c.String()) == DeploymentOf(a.String()) {
		t.Errorf("%v and %v", a, c)
	}
	if c := newNode(uuid.UUID{}); c.Version() != 4 || DeploymentOf(c.String()) != "" || DeploymentOf("no id") != "" {
		t.Errorf("of an unknown deployment: %v", c)
	}
}
