package room

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/presence"
)

func TestANoticeIsToldWhenItChangesOrAfterAWhile(t *testing.T) {
	var n notices
	now := time.Now()
	ada := noticeOf{user: uuid.New(), kind: protocol.KindTyping}
	for i, c := range []struct {
		after time.Duration
		on    bool
		want  bool
	}{
		{0, true, true}, {0, true, false}, {noticeAgain - time.Millisecond, true, false}, {time.Millisecond, true, true},
		{0, false, true}, {0, false, false}, {noticeAgain, false, true}, {0, true, true}, {time.Second, false, true},
	} {
		now = now.Add(c.after)
		if got := n.tells(ada, c.on, now); got != c.want {
			t.Errorf("step %d: on %v told %v", i, c.on, got)
		}
	}
	if !n.tells(noticeOf{user: uuid.New(), kind: protocol.KindTyping}, false, now) {
		t.Error("the end of what another node told to begin is not told")
	}
}

// Who begins and ends without pause is told of at a rate, and the last end is told.
func TestWhoBeginsAndEndsWithoutPauseIsToldOfAtARate(t *testing.T) {
	var n notices
	begin := time.Now()
	ada := noticeOf{user: uuid.New(), kind: protocol.KindTyping}
	told, on := 0, false
	for i := range 10_000 { // ten seconds
		if n.tells(ada, i%2 == 0, begin.Add(time.Duration(i)*time.Millisecond)) {
			told++
			on = i%2 == 0
		}
	}
	if most := 2 * (noticeTurns.Burst + 10); told > most || told < 10 || on {
		t.Errorf("%d told in ten seconds, the last one on: %v", told, on)
	}
}

func TestNoticesAreKnownOfAFewAndForgotten(t *testing.T) {
	var n notices
	now := time.Now()
	for range 10 * noticeUsersMax {
		n.tells(noticeOf{user: uuid.New(), kind: protocol.KindTyping}, true, now)
	}
	if len(n.last) != noticeUsersMax {
		t.Errorf("%d users are known of", len(n.last))
	}
	if now = now.Add(noticeKept); !n.tells(noticeOf{user: uuid.New(), kind: protocol.KindTyping}, true, now) {
		t.Error("a user is not told of although nobody does anything")
	}
	if n.sweep(now.Add(noticeKept)); n.last != nil {
		t.Errorf("%d users are never forgotten", len(n.last))
	}
}

func TestANoticeThatIsNotToldAllocatesNothing(t *testing.T) {
	h := newHub(&counters{}, Limit{}, func(uuid.UUID, time.Duration) {})
	room, ada, now := uuid.New(), noticeOf{user: uuid.New(), kind: protocol.KindTyping}, time.Now()
	h.follow(room, 0, discard{})
	h.tellsNotice(room, ada, true, now)
	if n := testing.AllocsPerRun(100, func() { h.tellsNotice(room, ada, true, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What somebody repeats between the nodes is told at a rate, and keeps nothing from the
// members that the user says here.
func TestARepeatedNoticeOfAnotherNodeIsToldAtARate(t *testing.T) {
	h := newHub(&counters{}, Limit{}, func(uuid.UUID, time.Duration) {})
	s := &Service{hub: h, cfg: Config{Congested: func() bool { return false }}}
	x := &Notice{Kind: protocol.KindTyping, Room: uuid.New(), User: uuid.New(), Frame: []byte("{}")}
	heard := &counting{}
	h.follow(x.Room, 0, heard)
	const sent = 10_000
	begin := time.Now()
	for range sent {
		s.AnnounceNotice(x)
	}
	most := relayedTurns.Burst + int(relayedTurns.PerSecond*time.Since(begin).Seconds()) + 1
	if heard.notices < relayedTurns.Burst || heard.notices > most {
		t.Errorf("%d of %d are told, want %d", heard.notices, sent, relayedTurns.Burst)
	}
	if n := s.stats.NoticesRepeated.Load(); n != int64(sent-heard.notices) {
		t.Errorf("%d counted", n)
	}
	if !h.tellsNotice(x.Room, noticeOf{user: x.User, kind: x.Kind}, false, time.Now()) {
		t.Error("the end that the user tells here is not told")
	}
}

// What one node lets a user tell, another one passes on.
func TestWhatANodeLetsAUserTellIsToldOnEveryNode(t *testing.T) {
	var here, there notices
	now, user := time.Now(), uuid.New()
	for i := range 60_000 {
		now = now.Add(time.Millisecond)
		if here.tells(noticeOf{user: user, kind: protocol.KindTyping}, i%2 == 0, now) && !there.tellsOn(noticeOf{user, protocol.KindTyping, true}, now) {
			t.Fatalf("after %d ms a notice is lost on its way", i)
		}
	}
}

// counting is a Listener that counts notices.
type counting struct {
	discard
	notices int
}

func (c *counting) Notify(*Notice) Waker { c.notices++; return nil }

// crowd is a Listener with members.
type crowd struct {
	counting
	members, missed int
}

func (c *crowd) Count(r *presence.Room) Waker { r.Counted(); return nil }
func (c *crowd) Missed()                      { c.missed++ }
func (c *crowd) Members() int                 { return c.members }

// In a large room all users together are told of ten times a second, whichever nodes they are
// on; in a smaller one each is told of.
func TestALargeRoomIsToldOfWhoTypesAtARate(t *testing.T) {
	const users, seconds = 100, 5
	for _, x := range []struct {
		name                     string
		members, online, relayed int
		large                    bool
	}{
		{"of this node", largeRoom + 1, 0, 0, true},
		{"of all nodes, as somebody watches", 3, largeRoom + 1, 0, true},
		{"of all nodes, as they type", largeRoom, 0, users, true},
		{"not large", largeRoom, largeRoom, 0, false},
	} {
		h := newHub(&counters{}, Limit{}, func(uuid.UUID, time.Duration) {})
		h.online = func(uuid.UUID) int { return x.online }
		room, now, told := uuid.New(), time.Now(), 0
		heard := &crowd{members: x.members}
		h.follow(room, 0, guarded{heard, contain.New("test", slog.New(slog.DiscardHandler))})
		for second := range seconds {
			for u := range users {
				now = now.Add(time.Second / users)
				user := uuid.UUID{byte(u), 1}
				yes := false
				if u < x.relayed {
					yes = h.tellsRelayed(&Notice{Kind: protocol.KindTyping, Room: room, User: user}, now)
				} else {
					yes = h.tellsNotice(room, noticeOf{user: user, kind: protocol.KindTyping}, second%2 == 0, now)
				}
				if yes {
					told++
				}
			}
		}
		least, most := users*seconds, users*seconds
		if x.large {
			least, most = 10*(seconds-1), 10*seconds+largeRoomTurns.Burst+1
		}
		if told < least || told > most {
			t.Errorf("%s: told %d times, want %d to %d", x.name, told, least, most)
		}
	}
}

// Of users of other nodes who type no more it is forgotten that there are so many.
func TestALargeRoomBecomesSmall(t *testing.T) {
	var n notices
	now := time.Now()
	for u := range 300 {
		n.tellsOn(noticeOf{uuid.UUID{byte(u), byte(u >> 8), 1}, protocol.KindTyping, true}, now)
	}
	if n.relayed != 300 {
		t.Errorf("%d are known", n.relayed)
	}
	if n.sweep(now.Add(noticeKept)); n.relayed != 0 {
		t.Errorf("%d are known at last", n.relayed)
	}
}
