package room

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
)

// TestALargeHistoryIsMadeWhenItIsAskedFor: who can make a small one only is told that
// there is a larger one, and gets it once somebody has made it.
func TestALargeHistoryIsMadeWhenItIsAskedFor(t *testing.T) {
	var stats counters
	h := newHub(&stats, Limit{10, 1 << 20}, func(uuid.UUID, time.Duration) {})
	room := uuid.New()
	of := protocol.RoomInfo{Room: room}
	h.follow(room, 1, &follower{t: t, last: 1})
	page := &Page{Seq: 1, Messages: []protocol.Message{{ID: uuid.New(), Content: strings.Repeat("x", 1000), Seq: 1, Rev: 1}}}
	if h.keepTail(of, page, h.births.Load()); h.shard(room).rooms[room].tail == nil {
		t.Fatal("no tail")
	}
	h.shard(room).rooms[room].tail.history = nil // as after an event
	if past, large := h.recent(of, 1000); past != nil || !large {
		t.Errorf("%v, large %v", past, large)
	}
	if past, large := h.recent(protocol.RoomInfo{Room: uuid.New()}, 1000); past != nil || large {
		t.Errorf("of another room: %v, large %v", past, large)
	}
	made := h.history(of)
	if past, large := h.recent(of, 1000); past != made || large {
		t.Errorf("after it was made: %v, large %v", past, large)
	}
}

// history is recent without a limit.
func (h *hub) history(of protocol.RoomInfo) *History {
	past, _ := h.recent(of, math.MaxInt)
	return past
}

// TestTailIsWhatTheStoreWouldAnswer lets a tail follow sends and edits, of messages of
// all sizes, and compares it with the last messages of the log. It may forget itself
// only where an edit may have made room for an older message.
func TestTailIsWhatTheStoreWouldAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tailMax := Limit{Messages: 5, Bytes: rapid.SampledFrom([]int{0, 600, 1_500, 3_000}).Draw(t, "bytes")}
		log := &roomLog{room: uuid.New()}
		for range rapid.IntRange(0, 8).Draw(t, "before") {
			log.send()
		}
		page := func() *Page {
			return &Page{Messages: slices.Clone(log.messages[max(0, len(log.messages)-tailMax.Messages):]), Seq: int64(len(log.events)), HasMore: len(log.messages) > tailMax.Messages}
		}
		var stats counters
		h := newHub(&stats, tailMax, func(uuid.UUID, time.Duration) {})
		h.follow(log.room, int64(len(log.events)), &follower{t: t, last: int64(len(log.events))})
		h.keepTail(log.ids(), page(), h.births.Load())
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			from, before := int64(len(log.events)), newTail(log.ids(), page(), tailMax)
			if len(log.messages) > 0 && rapid.Bool().Draw(t, "is edit") {
				log.edit(rapid.IntRange(0, len(log.messages)-1).Draw(t, "which"))
			} else {
				log.send()
			}
			m := &log.messages[slices.IndexFunc(log.messages, func(m protocol.Message) bool { return m.Rev == from+1 })]
			m.Content = strings.Repeat("x", rapid.IntRange(0, 1_000).Draw(t, "size"))
			e := encoder{room: log.room, last: from}
			e.add(log.events[from].Kind, from+1, log.events[from].Row, m)
			h.announce(e.batch(), 0)
			got := h.history(log.ids())
			want := newTail(log.ids(), page(), tailMax)
			if got == nil && m.IsEdited && before.older && len(before.messages) < tailMax.Messages {
				got = h.keepTail(log.ids(), page(), h.births.Load())
			}
			if n := len(newHistory(log.ids(), want.bodies(), want.seq).Frame); tailMax.Bytes > 0 && n > tailMax.Bytes && len(want.messages) > 1 {
				t.Fatalf("%d messages in %d bytes", len(want.messages), n)
			}
			if got == nil || string(got.Frame) != string(newHistory(log.ids(), want.bodies(), want.seq).Frame) || got.Seq != int64(len(log.events)) {
				t.Fatalf("the tail says %s, the store %s", got.Frame, newHistory(log.ids(), want.bodies(), want.seq).Frame)
			}
		}
		kept := int64(0)
		for _, m := range h.shard(log.room).rooms[log.room].tail.messages {
			kept += int64(len(m.body))
		}
		if counted := h.tailBytes.Load(); counted != kept {
			t.Fatalf("%d bytes counted, %d kept", counted, kept)
		}
		h.dropTails(time.Now().Add(time.Hour))
		if h.history(log.ids()) != nil || h.tailBytes.Load() != 0 {
			t.Fatalf("a forgotten tail still answers, or %d bytes stay counted", h.tailBytes.Load())
		}
	})
}

func (l *roomLog) ids() protocol.RoomInfo { return protocol.RoomInfo{Room: l.room} }

// TestTailThatGrowsOverTheLimitIsForgotten: the limit is for all rooms together.
func TestTailThatGrowsOverTheLimitIsForgotten(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	var stats counters
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 1, &follower{t: t, last: 1})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 1}, h.births.Load())
	const others = tailBytesMax - 1_000
	h.tailBytes.Add(others)
	for range 5 {
		log.send()
		m := &log.messages[len(log.messages)-1]
		e := encoder{room: log.room, last: m.Rev - 1}
		e.add(protocol.KindMessage, m.Rev, m.ID, m)
		h.announce(e.batch(), 0)
	}
	if h.history(log.ids()) != nil || h.tailBytes.Load() != others {
		t.Errorf("%d bytes are kept beside those of others", h.tailBytes.Load()-others)
	}
}

// TestTailIsReadAnewNowAndThen: the application may give a user another name, and
// no event tells.
func TestTailIsReadAnewNowAndThen(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	var stats counters
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 1, &follower{t: t, last: 1})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 1}, h.births.Load())
	tail := h.shard(log.room).rooms[log.room].tail
	for now, end := tail.read, tail.read.Add(tailAgeMax); !now.After(end); now = now.Add(tailIdle / 2) {
		tail.asked = now // by newcomers, again and again
		if h.dropTails(now); h.history(log.ids()) == nil {
			t.Fatalf("forgotten after %v", now.Sub(tail.read))
		}
	}
	tail.asked = tail.read.Add(tailAgeMax)
	if h.dropTails(tail.asked.Add(time.Second)); h.history(log.ids()) != nil {
		t.Error("newcomers get old names for as long as they come")
	}
}

// TestTailIsNotKeptFromAReadThatBeganBeforeItsRoomWasFollowed: what was committed
// between the read and the follow is announced to nobody.
func TestTailIsNotKeptFromAReadThatBeganBeforeItsRoomWasFollowed(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	page := &Page{Messages: log.messages, Seq: 1}
	var stats counters
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	before := h.births.Load()
	h.follow(log.room, 1, &follower{t: t, last: 1})
	if h.keepTail(log.ids(), page, before); h.history(log.ids()) != nil {
		t.Error("a history is answered from a read that may not have seen what nobody was told")
	}
	if h.keepTail(log.ids(), page, h.births.Load()); h.history(log.ids()) == nil {
		t.Error("no history from a read that began after the follow")
	}
}

// TestTailIsForgottenWhenAQuotedMessageIsEdited: a reply quotes its original as
// that stands now; the edit's event does not bring the reply.
func TestTailIsForgottenWhenAQuotedMessageIsEdited(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range 3 {
		log.send()
	}
	log.messages[1].ReplyTo = &protocol.Reply{ID: log.messages[0].ID, Content: "m1"}
	var stats counters
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 3, &follower{t: t, last: 3})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 3}, h.births.Load())
	edit := func(i int) {
		log.edit(i)
		m := &log.messages[i]
		e := encoder{room: log.room, last: m.Rev - 1}
		e.add(protocol.KindEdit, m.Rev, newRowID(), m)
		h.announce(e.batch(), 0)
	}
	if edit(2); h.history(log.ids()) == nil {
		t.Error("the edit of a message that nobody quotes costs the tail")
	}
	if edit(0); h.history(log.ids()) != nil {
		t.Error("a history is answered whose reply quotes what the original was")
	}
	if bytes := h.tailBytes.Load(); bytes != 0 {
		t.Errorf("%d bytes stay counted", bytes)
	}
}

// TestTailIsForgottenWhenOneBatchQuotesAndEdits: the reply comes with the batch that
// edits, after it, what it quotes.
func TestTailIsForgottenWhenOneBatchQuotesAndEdits(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	h := newHub(&counters{}, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 1, &follower{t: t, last: 1})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 1}, h.births.Load())

	log.send()
	log.messages[1].ReplyTo = &protocol.Reply{ID: log.messages[0].ID, Content: "m1"}
	e := encoder{room: log.room, last: 1}
	e.add(protocol.KindMessage, 2, log.messages[1].ID, &log.messages[1])
	log.edit(0)
	e.add(protocol.KindEdit, 3, newRowID(), &log.messages[0])
	h.announce(e.batch(), 0)
	if h.history(log.ids()) != nil {
		t.Error("a history is answered whose reply quotes what the original was")
	}
	if bytes := h.tailBytes.Load(); bytes != 0 {
		t.Errorf("%d bytes stay counted", bytes)
	}
}

// TestTailOutlivesAChangeThatQuotesDoNotShow: only some kinds of change concern what
// replies quote; others may come each second.
func TestTailOutlivesAChangeThatQuotesDoNotShow(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range 2 {
		log.send()
	}
	log.messages[1].ReplyTo = &protocol.Reply{ID: log.messages[0].ID, Content: "m1"}
	h := newHub(&counters{}, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 2, &follower{t: t, last: 2})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 2}, h.births.Load())
	const pinned = protocol.KindPin
	if pinned.Requotes() {
		t.Fatal("quotes show it")
	}
	log.messages[0].Rev = 3
	e := encoder{room: log.room, last: 2}
	e.add(pinned, 3, newRowID(), &log.messages[0])
	h.announce(e.batch(), 0)
	want := newTail(log.ids(), &Page{Messages: log.messages, Seq: 3}, Limit{Messages: 5})
	if got := h.history(log.ids()); got == nil || string(got.Frame) != string(newHistory(log.ids(), want.bodies(), want.seq).Frame) {
		t.Errorf("the tail says %+v", got)
	}
}

// TestAFullTailTakesNoMemory: what is forgotten makes place for what is new.
func TestAFullTailTakesNoMemory(t *testing.T) {
	full := newTail(protocol.RoomInfo{}, &Page{}, Limit{Messages: 50, Bytes: 1 << 20})
	events := []Event{{Kind: protocol.KindMessage, Body: []byte("{}")}}
	send := func() {
		events[0].Seq++
		full.add(events, true)
	}
	for range 100 {
		send()
	}
	if n := testing.AllocsPerRun(1, func() {
		for range 1_000 {
			send()
		}
	}); n > 0 {
		t.Errorf("1,000 messages take %v allocations", n)
	}
	if n := len(full.messages); n != 50 || full.size != int64(n*len("{}")) || !full.older {
		t.Errorf("%d messages of %d bytes, older ones: %v", n, full.size, full.older)
	}
}

// BenchmarkEditBesideAFullTail is what an edit costs under the room's lock.
func BenchmarkEditBesideAFullTail(b *testing.B) {
	log := &roomLog{room: uuid.New()}
	for range 50 {
		log.send()
		// What looks like the id that is searched for, nearly: the costliest content.
		log.messages[len(log.messages)-1].Content = strings.Repeat("00000000-0000-0000-0000-", 200)
	}
	var stats counters
	h := newHub(&stats, Limit{Messages: 50}, func(uuid.UUID, time.Duration) {})
	h.follow(log.room, 50, discard{})
	h.keepTail(log.ids(), &Page{Messages: log.messages, Seq: 50}, h.births.Load())
	seq := int64(50)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		m := log.messages[49]
		seq++
		m.Rev, m.Content = seq, "x"
		e := encoder{room: log.room, last: seq - 1}
		e.add(protocol.KindEdit, seq, uuid.New(), &m)
		batch := e.batch()
		b.StartTimer()
		h.announce(batch, 0)
	}
	if h.history(log.ids()) == nil {
		b.Fatal("the tail was lost")
	}
}

// discard is a listener that has nothing to do.
type discard struct{}

func (discard) Deliver(*Batch) Waker { return nil }
func (discard) Rewound() Waker       { return nil }
func (discard) Notify(*Notice) Waker { return nil }

// TestAFormerPrimarysTailIsNotShown: it was read when the former primary had a message
// that nobody had been told, and that the new one lacks. All that was told is in both.
func TestAFormerPrimarysTailIsNotShown(t *testing.T) {
	h := newHub(&counters{}, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	known := Timeline(1)
	h.timeline = func() Timeline { return known }
	log := &roomLog{room: uuid.New()}
	log.send()
	h.follow(log.room, 1, &follower{t: t, last: 1})
	log.send()
	read := &Page{Messages: log.messages, Seq: 2, Timeline: 1}
	h.keepTail(log.ids(), read, h.births.Load())
	if h.history(log.ids()) == nil {
		t.Fatal("no tail")
	}
	known = 2
	h.looked(log.room, 1, Head{Seq: 1}, 2)
	if h.history(log.ids()) != nil {
		t.Error("what the new primary lacks is shown")
	}
	if h.keepTail(log.ids(), read, h.births.Load()); h.history(log.ids()) != nil {
		t.Error("it is kept again, by a look that began before")
	}
	if left := h.tailBytes.Load(); left != 0 {
		t.Errorf("%d bytes are kept", left)
	}
}
