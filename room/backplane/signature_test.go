package backplane

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// keyOf is the key that a deployment has under a prefix.
func keyOf(t testing.TB, secret string, deployment uuid.UUID, of names) *key {
	t.Helper()
	k, err := newKey([]byte(secret), deployment, of)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSignatureKeepsItsBytes: nodes of all later versions must believe what this one
// sends. The bytes were made by another program: HKDF-SHA-256, then HMAC-SHA-256.
func TestSignatureKeepsItsBytes(t *testing.T) {
	const want = "4356" + "81" + "03" + "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa" + "00000000000000000000000000000000" + "07" +
		"00a40e7b9b010000" + // 2026-01-08 in milliseconds
		"eff81302" + "c143b4431b89591f3540a6f019259320"
	k := keyOf(t, string(testSecret), roomR, "caravan")
	got := k.sign(encodeHeartbeat(nodeA, 7), time.UnixMilli(0x019b7b0ea400))
	if hexed := hex.EncodeToString(got[:len(got)-sumBytes]); hexed != want {
		t.Errorf("signed:\n%s, want\n%s", hexed, want)
	}
	if !bytes.Equal(got, seal(bytes.Clone(got[:len(got)-sumBytes]))) {
		t.Error("the checksum is wrong")
	}
}

// TestOnlyWhatNodesOfTheDeploymentSignedIsBelieved hands in what a stranger may
// publish in the room's channel, who has seen all that nodes publish.
func TestOnlyWhatNodesOfTheDeploymentSignedIsBelieved(t *testing.T) {
	here, now := uuid.New(), time.Now()
	node := newNode(here)
	own := keyOf(t, string(testSecret), here, "caravan")
	bit := func(at int) func(p []byte) []byte {
		return func(p []byte) []byte {
			p = own.sign(p, now)
			p[(len(p)+at)%len(p)] ^= 1 << 3
			return seal(p[:len(p)-sumBytes])
		}
	}
	as := func(k *key, at time.Time) func(p []byte) []byte {
		return func(p []byte) []byte { return k.sign(p, at) }
	}
	const end = signatureBytes + sumBytes
	for name, c := range map[string]struct {
		publish func(p []byte) []byte
		count   func(s Stats) int64
		hinted  bool
	}{
		"nothing":             {func(p []byte) []byte { return p }, func(s Stats) int64 { return s.Unsigned }, true},
		"another secret":      {as(keyOf(t, "another deployment's secret", here, "caravan"), now), func(s Stats) int64 { return s.UnknownKey }, true},
		"another deployment":  {as(keyOf(t, string(testSecret), uuid.New(), "caravan"), now), func(s Stats) int64 { return s.UnknownKey }, true},
		"another prefix":      {as(keyOf(t, string(testSecret), here, "caravan@1"), now), func(s Stats) int64 { return s.UnknownKey }, true},
		"a byte of the kind":  {bit(3), func(s Stats) int64 { return s.Forged }, true},
		"a byte of the node":  {bit(19), func(s Stats) int64 { return s.Forged }, true},
		"a byte of the room":  {bit(35), func(s Stats) int64 { return s.Forged }, false}, // nobody follows that one
		"a byte of the body":  {bit(headerBytes + 5), func(s Stats) int64 { return s.Forged }, true},
		"a byte of the time":  {bit(-end), func(s Stats) int64 { return s.Forged }, true},
		"a byte of the key":   {bit(-end + 8), func(s Stats) int64 { return s.UnknownKey }, true},
		"a byte of the code":  {bit(-end + 12), func(s Stats) int64 { return s.Forged }, true},
		"the last byte of it": {bit(-sumBytes - 1), func(s Stats) int64 { return s.Forged }, true},
		"long ago":            {as(own, now.Add(-2*signatureLife)), func(s Stats) int64 { return s.Stale }, true},
		"in the future":       {as(own, now.Add(2*signatureLife)), func(s Stats) int64 { return s.Stale }, true},
		"without a signature": {func(p []byte) []byte { p[2] |= signed; return seal(p[:len(p)-sumBytes][:headerBytes+3]) }, func(s Stats) int64 { return s.Malformed }, false},
		"no header":           {func(p []byte) []byte { p[2] |= signed; return p[:headerBytes-1] }, func(s Stats) int64 { return s.Foreign }, false},
		"too much":            {func(p []byte) []byte { return append(own.sign(p, now), make([]byte, noticeBytesMax)...) }, func(s Stats) int64 { return s.Malformed }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			b, in, _ := receiver(t, Config{Deployment: here, Log: slog.New(slog.NewTextHandler(&log, nil))})
			b.Follow(roomR)
			publish := func(p []byte) { b.slots[0].subscriber.message(string(c.publish(p))) }
			for range 3 {
				publish(encodeNotice(node, types("{}")))
				publish(encodeNotice(node, noticed("{}")))
			}
			if name != "a byte of the kind" && len(b.hints.rooms) != 0 {
				t.Error("a notice of typing has its room looked at")
			}
			for range 3 {
				publish(encodeEvents(node, sample()))
				publish(encodeEvents(node, newerSample()))
			}
			if got := c.count(b.Stats()); got != 12 {
				t.Errorf("%d were counted: %+v", got, b.Stats())
			}
			if rooms := b.hints.take(); (len(rooms) == 1 && rooms[0] == roomR) != c.hinted {
				t.Errorf("to be looked at: %v", rooms)
			}
			if len(in.batches)+len(in.notices)+len(in.caught) != 0 {
				t.Errorf("%d batches, %d notices were told, %v compared", len(in.batches), len(in.notices), in.caught)
			}
			if n := strings.Count(log.String(), "not believed"); n > 1 || (n == 0 && c.hinted) {
				t.Errorf("the log says it %d times:\n%s", n, log.String())
			}
		})
	}
}

// TestFloodOfForgedEnvelopesCostsFewLooks publishes for ten seconds what nobody has
// signed: of one room that is followed, of many, and of one that is not.
func TestFloodOfForgedEnvelopesCostsFewLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, in, _ := receiver(t, Config{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); b.followHints(ctx) }()
		var rooms []uuid.UUID
		for range 2 * hintsMax {
			rooms = append(rooms, uuid.New())
			b.Follow(rooms[len(rooms)-1])
		}
		batch := sample()
		for turn := range 10_000 {
			batch.Room = rooms[0]
			switch {
			case turn < hintsMax*2:
				batch.Room = rooms[turn]
			case turn%3 == 0:
				batch.Room = roomR // which nobody follows
			}
			b.slots[0].subscriber.message(string(encodeEvents(nodeA, batch)))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(hintEvery)
		stop()
		<-ended
		all := 0
		for _, n := range in.caught {
			all += n
		}
		if most := 10*int(time.Second/hintEvery) + 1; in.times(rooms[0]) < 10 || in.times(rooms[0]) > most || in.times(roomR) != 0 || all > most+2*hintsMax {
			t.Errorf("one room was compared %d times, the one that nobody follows %d times, all %d times", in.times(rooms[0]), in.times(roomR), all)
		}
		if n := b.Stats().Unsigned; n != 10_000 {
			t.Errorf("%d were counted", n)
		}
	})
}

// TestHintsAreBounded: what does not fit is left to the domain's own looks.
func TestHintsAreBounded(t *testing.T) {
	h := newHints()
	for range 2 * hintsMax {
		h.add(uuid.New())
	}
	if n := len(h.take()); n != hintsMax {
		t.Errorf("%d rooms wait", n)
	}
	if n := len(h.take()); n != 0 {
		t.Errorf("%d rooms wait after they were taken", n)
	}
}

// TestKeyIsReplacedWhileNodesRun replaces the secret in the database under two nodes.
// What is signed with the key before counts for a while, then no more.
func TestKeyIsReplacedWhileNodesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var secret atomic.Value // a string
		var looks atomic.Int64
		secret.Store("the first secret of a deployment")
		lookUp := func(context.Context) ([]byte, error) {
			looks.Add(1)
			return []byte(secret.Load().(string)), nil
		}
		ctx, stop := context.WithCancel(t.Context())
		var ended []chan struct{}
		start := func() (*Backplane, *inbox) {
			b, err := New(Config{URL: "redis://h", Secret: []byte(secret.Load().(string)), LookUp: lookUp})
			if err != nil {
				t.Fatal(err)
			}
			in := &inbox{caught: make(map[uuid.UUID]int)}
			b.inbound = in
			over := make(chan struct{})
			ended = append(ended, over)
			go func() { defer close(over); b.renewKey(ctx) }()
			return b, in
		}
		first, _ := start()
		second, heard := start()
		tell := func(from *key) (believed bool) {
			before := len(heard.notices)
			second.slots[0].subscriber.message(string(from.sign(encodeNotice(first.node, types("{}")), time.Now())))
			synctest.Wait()
			return len(heard.notices) > before
		}
		old := first.keys.present.Load()
		if !tell(old) {
			t.Fatal("the first key is not believed")
		}
		secret.Store("the second secret of a deployment")
		if !tell(old) {
			t.Error("the first key does not count before the second is looked up")
		}
		time.Sleep(keyEvery)
		synctest.Wait()
		renewed := first.keys.present.Load()
		if renewed.id == old.id || second.keys.present.Load().id != renewed.id {
			t.Fatal("the key was not replaced")
		}
		if !tell(old) || !tell(renewed) {
			t.Error("one of both keys does not count")
		}
		time.Sleep(formerKeyLife)
		if tell(old) || !tell(renewed) {
			t.Error("the key before counts for ever, or the present one does not")
		}

		// A key that is not known is looked up at once, and then seldom.
		secret.Store("the third secret of a deployment")
		time.Sleep(keyPause)
		third := keyOf(t, secret.Load().(string), uuid.UUID{}, "caravan")
		for second.keys.present.Load().id != third.id {
			tell(third)
			time.Sleep(keyPause / 10)
		}
		if !tell(third) {
			t.Error("the third key is not believed")
		}
		looks.Store(0)
		stranger := keyOf(t, "what a stranger makes up", uuid.UUID{}, "caravan")
		for range 6_000 {
			tell(stranger)
			time.Sleep(10 * time.Millisecond)
		}
		if n, most := looks.Load(), 2*int64(time.Minute/keyPause)+2; n < 2 || n > most {
			t.Errorf("the secret was looked up %d times in a minute", n)
		}
		stop()
		for _, over := range ended {
			<-over
		}
	})
}

// TestSecretThatCannotBeLookedUp leaves the present key in use.
func TestSecretThatCannotBeLookedUp(t *testing.T) {
	answers := []struct {
		secret []byte
		err    error
	}{{nil, errors.New("the database is away")}, {[]byte("short"), nil}, {nil, nil}}
	b, _, _ := receiver(t, Config{LookUp: func(context.Context) ([]byte, error) { return nil, nil }})
	before := b.keys.present.Load()
	for _, a := range answers {
		b.cfg.LookUp = func(context.Context) ([]byte, error) { return a.secret, a.err }
		b.lookUpKey(t.Context())
		if b.keys.present.Load() != before {
			t.Errorf("%q, %v has replaced the key", a.secret, a.err)
		}
	}
	for _, secret := range []string{"", "fifteen bytes.."} {
		if _, err := New(Config{URL: "redis://h", Secret: []byte(secret)}); err == nil {
			t.Errorf("a secret of %d bytes is taken", len(secret))
		}
	}
}

// TestHeartbeatThatCameBeforeProvesNothing: whoever may publish could let a node
// believe that it is heard.
func TestHeartbeatThatCameBeforeProvesNothing(t *testing.T) {
	b, _, receive := receiver(t, Config{})
	b.started = b.started.Add(-time.Hour)
	beat := encodeHeartbeat(b.node, uint64(b.now()))
	receive(bytes.Clone(beat))
	if !b.Healthy() {
		t.Fatal("the heartbeat was not received")
	}
	b.started = b.started.Add(-time.Hour)
	receive(bytes.Clone(beat))
	receive(encodeHeartbeat(b.node, uint64(time.Minute)))
	b.slots[0].subscriber.message(string(encodeHeartbeat(b.node, uint64(b.now())))) // not signed
	if b.Healthy() {
		t.Error("the heartbeat of an hour ago, or one that was not signed, makes the node healthy")
	}
	receive(encodeHeartbeat(b.node, uint64(b.now())))
	if !b.Healthy() {
		t.Error("a new heartbeat was not received")
	}
}

// TestHeartbeatsOfOthersDoNotGoByClocks: a node whose clock is wrong is heard, and a heartbeat that
// somebody kept is not.
func TestHeartbeatsOfOthersDoNotGoByClocks(t *testing.T) {
	b, _, _ := receiver(t, Config{})
	up := time.Hour
	note := func() (unheard int) {
		b.others.look([]room.Neighbour{{ID: nodeA, Up: up, Carried: true}}, b.node, 1, 0, b.now())
		unheard, _ = b.others.state()
		return unheard
	}
	beat := func(number time.Duration) {
		wrong := time.Now().Add(-time.Hour) // the clock of the node that signs
		b.slots[0].subscriber.message(string(b.keys.present.Load().sign(encodeHeartbeat(nodeA, uint64(number)), wrong)))
	}
	pass := func(d time.Duration) { b.started, up = b.started.Add(-d), up+d }
	pass(time.Minute)
	note()
	pass(unheardAfter)
	beat(up)
	if pass(unheardAfter / 2); note() != 0 {
		t.Error("a node whose clock is wrong is not heard")
	}
	pass(unheardAfter)
	beat(up - 2*unheardAfter) // is not greater than the last
	if note() != 1 {
		t.Error("a heartbeat that came before is heard")
	}
	pass(unheardAfter)
	beat(up - unheardAfter - time.Second) // is greater, and too old
	if note() != 1 {
		t.Error("a heartbeat that was kept is heard")
	}
	beat(up)
	if note() != 0 {
		t.Error("a node is not heard again")
	}
	if s := b.Stats(); s.Stale != 4 {
		t.Errorf("%d stale", s.Stale)
	}
}

// TestTimesOfSignaturesAreAnyNumber: none of them panics or counts.
func TestTimesOfSignaturesAreAnyNumber(t *testing.T) {
	k := keyOf(t, string(testSecret), uuid.UUID{}, "caravan")
	b, in, _ := receiver(t, Config{})
	for n, at := range []uint64{0, 1 << 63, 1<<63 - 1, 1<<64 - 1, 1 << 62, 1 << 53} {
		p := encodeNotice(nodeA, types("{}"))
		p = p[:len(p)-sumBytes]
		p[2] |= signed
		p = append(binary.LittleEndian.AppendUint64(p, at), k.id[:]...)
		b.slots[0].subscriber.message(string(seal(k.appendCode(p))))
		if got := b.Stats().Stale; got != int64(n+1) || len(in.notices) != 0 {
			t.Errorf("%d: %d stale, %d notices", at, got, len(in.notices))
		}
	}
}

// FuzzOpen hands bytes in, as they are and under a right checksum: nothing that has no
// signature is believed.
func FuzzOpen(f *testing.F) {
	b, err := New(Config{URL: "redis://h", Secret: testSecret})
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range [][]byte{encodeEvents(nodeA, sample()), encodeNotice(nodeA, noticed("{}")), encodeHeartbeat(nodeA, 7)} {
		f.Add(p)
		f.Add(keyOf(f, "another deployment's secret", uuid.UUID{}, "caravan").sign(p, time.Now()))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, e, err := b.open(string(p)); err == nil {
			t.Fatalf("believed: %+v", e)
		}
		if _, e, err := b.open(string(seal(bytes.Clone(p)))); err == nil {
			t.Fatalf("believed: %+v", e)
		}
	})
}

// BenchmarkSignature measures what a signature costs of an envelope of so many events.
func BenchmarkSignature(b *testing.B) {
	r, err := newKeyRing(testSecret, uuid.UUID{}, "caravan")
	if err != nil {
		b.Fatal(err)
	}
	for _, events := range []int{1, 32} {
		batch := sample()
		batch.Events = batch.Events[:0]
		for n := range events {
			batch.Events = append(batch.Events, event(protocol.KindMessage, int64(n+1), int64(n), strings.Repeat("x", 300)))
		}
		b.Run(fmt.Sprintf("sign/events=%d", events), func(b *testing.B) {
			plain := encodeEvents(nodeA, batch)
			p := make([]byte, 0, len(plain)+signatureBytes)
			b.ReportAllocs()
			for b.Loop() {
				p = append(p[:0], plain...)
				p = r.sign(p)
			}
		})
		b.Run(fmt.Sprintf("verify/events=%d", events), func(b *testing.B) {
			p := r.sign(encodeEvents(nodeA, batch))
			p = p[:len(p)-sumBytes]
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.verify(p, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
