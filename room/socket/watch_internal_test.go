package socket

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// idleStore has nothing, and nothing is asked of it that matters here.
type idleStore struct{ room.Store }

func (idleStore) Timeline() room.Timeline { return 0 }
func (idleStore) Heads(_ context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	return make([]room.Head, len(rooms)), nil
}
func (idleStore) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{}, nil
}
func (idleStore) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}

// watchedRoom is a small room in which somebody watches, who is not there to be told.
func watchedRoom(t *testing.T, most int, congested func() bool) (*subscription, *readsWatch) {
	t.Helper()
	svc := room.New(idleStore{}, nil, nil, room.Config{ReadsMembers: most, Congested: congested})
	t.Cleanup(svc.Close)
	h := &Handler{svc: svc}
	x := &subscription{state: newLoopState(h), loop: new(netpoll.Loop), room: uuid.New()}
	return x, &readsWatch{few: true, looked: time.Now()}
}

func byUsers(n int, seq int64) *room.Notice {
	notice := &room.Notice{Kind: protocol.KindRead}
	for i := range n {
		notice.Reads = append(notice.Reads, room.ReadBy{User: uuid.UUID{15: byte(i + 1)}, Seq: seq})
	}
	return notice
}

// TestWhatIsNotToldYetIsBounded: more users than a small trip has are looked up, as one must
// have grown, and so is what was missed.
func TestWhatIsNotToldYetIsBounded(t *testing.T) {
	t.Parallel()
	const most = 10
	r := new(readsWatch)
	for seq := range int64(100) {
		r.note(byUsers(most, seq+1), most)
	}
	r.note(byUsers(most, 7), most)
	if len(r.fresh) != most || r.whole {
		t.Errorf("%d are not told, whole %t", len(r.fresh), r.whole)
	}
	for user, seq := range r.fresh {
		if seq != 100 {
			t.Errorf("%v: %d", user, seq)
		}
	}
	for range 3 {
		if r.note(byUsers(most+1, 101), most); len(r.fresh) != 0 || !r.whole {
			t.Errorf("of too many: %d are not told, whole %t", len(r.fresh), r.whole)
		}
	}
	missed := byUsers(1, 1)
	missed.Missed = true
	r = new(readsWatch)
	if r.note(missed, most); len(r.fresh) != 0 || !r.whole {
		t.Errorf("after some were missed: %d are not told, whole %t", len(r.fresh), r.whole)
	}
}

// TestReadsWaitWhileLoopsDoNotKeepUp, or for their second, or for the first look: what they
// say is told later, and not lost.
func TestReadsWaitWhileLoopsDoNotKeepUp(t *testing.T) {
	t.Parallel()
	var congested atomic.Bool
	x, r := watchedRoom(t, 10, congested.Load)
	now := r.looked
	must := func(when string, fresh int) {
		t.Helper()
		if x.tellReads(r, now); len(r.fresh) != fresh {
			t.Errorf("%s: %d are not told, want %d", when, len(r.fresh), fresh)
		}
	}
	r.note(byUsers(2, 1), 10)
	congested.Store(true)
	must("congested", 2)
	r.note(byUsers(3, 2), 10)
	congested.Store(false)
	must("after it", 0)
	r.note(byUsers(1, 3), 10)
	must("in the same second", 1)
	now = now.Add(readsEvery - 1)
	must("before the next", 1)
	now = now.Add(1)
	must("in the next", 0)
	now, r.looked = now.Add(readsEvery), time.Time{}
	r.note(byUsers(1, 4), 10)
	must("before the first look", 1)
	r.looked, r.few = now, false
	must("where the room is large", 0)
}

// TestALargeTripIsLookedUpOnceInAWhile: whatever is told of it meanwhile, and nothing is kept.
func TestALargeTripIsLookedUpOnceInAWhile(t *testing.T) {
	t.Parallel()
	const most = 10
	x, r := watchedRoom(t, most, func() bool { return false })
	r.few = false
	many, missed := byUsers(2*most, 1), byUsers(1, 2)
	missed.Missed = true
	now := r.looked
	for now.Sub(r.looked) < readsWholeEvery {
		for _, notice := range []*room.Notice{byUsers(3, 3), many, missed} {
			r.note(notice, most)
			if x.tellReads(r, now); r.asking || len(r.fresh) != 0 {
				t.Fatalf("%v after the last look: asking %t, %d are not told", now.Sub(r.looked), r.asking, len(r.fresh))
			}
		}
		now = now.Add(readsEvery)
	}
	r.looked, r.few, r.whole = now.Add(-readsEvery), true, false // as if it had been small since
	if r.note(byUsers(3, 4), most); len(r.fresh) != 3 || r.whole {
		t.Errorf("small again: %d are not told, whole %t", len(r.fresh), r.whole)
	}
}
