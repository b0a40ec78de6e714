package room

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

func TestANoticeIsToldWhenItChangesOrAfterAWhile(t *testing.T) {
	var n notices
	now := time.Now()
	ada := noticeOf{uuid.New(), protocol.KindTyping}
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
	if !n.tells(noticeOf{uuid.New(), protocol.KindTyping}, false, now) {
		t.Error("the end of what another node told to begin is not told")
	}
}

// Who begins and ends without pause is told of at a rate, and the last end is told.
func TestWhoBeginsAndEndsWithoutPauseIsToldOfAtARate(t *testing.T) {
	var n notices
	begin := time.Now()
	ada := noticeOf{uuid.New(), protocol.KindTyping}
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
		n.tells(noticeOf{uuid.New(), protocol.KindTyping}, true, now)
	}
	if len(n.last) != noticeUsersMax {
		t.Errorf("%d users are known of", len(n.last))
	}
	if now = now.Add(noticeKept); !n.tells(noticeOf{uuid.New(), protocol.KindTyping}, true, now) {
		t.Error("a user is not told of although nobody does anything")
	}
	if n.sweep(now.Add(noticeKept)); n.last != nil {
		t.Errorf("%d users are never forgotten", len(n.last))
	}
}

func TestANoticeThatIsNotToldAllocatesNothing(t *testing.T) {
	h := newHub(&counters{}, Limit{}, func(uuid.UUID, time.Duration) {})
	room, ada, now := uuid.New(), noticeOf{uuid.New(), protocol.KindTyping}, time.Now()
	h.follow(room, 0, discard{})
	h.tellsNotice(room, ada, true, now)
	if n := testing.AllocsPerRun(100, func() { h.tellsNotice(room, ada, true, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
