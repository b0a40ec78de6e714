package room

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// unread is a service that reads no history: what it would read waits in its queue.
func unread(batchMax, historyBytes int) *Service {
	s := new(Service)
	s.hub = newHub(&s.stats, Limit{10, historyBytes}, func(uuid.UUID, time.Duration) {})
	s.latest = newCombiner(context.Background(), nil, 0, batchMax, s.readHistories)
	return s
}

func places(n int) (all []protocol.RoomInfo) {
	for range n {
		all = append(all, protocol.RoomInfo{Room: uuid.New()})
	}
	return all
}

func noAnswer(*History, error) {}

// TestWhatComesNextIsReadOnlyIfItCanBeKept: otherwise it would be read again at its turn.
func TestWhatComesNextIsReadOnlyIfItCanBeKept(t *testing.T) {
	for _, c := range []struct{ historyBytes, kept, want int }{
		{1000, 0, 9},
		{1000, 75_000, 9},
		{1000, 75_001, 1},
		{40_000, 60_000, 9},
		{40_000, 60_001, 1}, // none of the longest fits
	} {
		s, all := unread(16, c.historyBytes), places(9)
		s.hub.bytes.Tails = 100_000
		s.hub.tailBytes.Store(int64(c.kept))
		s.HistoryAndNext(all[0], all[1:], nil, noAnswer)
		if n := s.latest.order.Len(); n != c.want {
			t.Errorf("histories of %d bytes, %d kept: %d are read", c.historyBytes, c.kept, n)
		}
	}
}

// TestWhatComesNextKeepsNobodyWaiting: it takes what a look has left, and no question is refused for
// it.
func TestWhatComesNextKeepsNobodyWaiting(t *testing.T) {
	s := unread(16, 1000)
	for range 3 {
		all := places(9)
		s.HistoryAndNext(all[0], all[1:], nil, noAnswer)
	}
	if n := s.latest.order.Len(); n != 9+7+1 {
		t.Errorf("%d wait", n)
	}
	for range lookupQueueMax - 17 {
		s.HistoryAndNext(places(1)[0], places(1), nil, func(_ *History, err error) { t.Error(err) })
	}
	var err error
	if s.HistoryAndNext(places(1)[0], places(1), nil, func(_ *History, e error) { err = e }); err == nil {
		t.Error("one more than may wait")
	}
}
