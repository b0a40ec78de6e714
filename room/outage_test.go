package room_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// moody is a store that keeps numbers only, and hangs or refuses as it is told.
type moody struct {
	room.Store // what else a Service asks for does not happen here

	mu     sync.Mutex
	hangs  bool
	fails  bool
	seq    int64
	stored map[string]bool
}

var errMood = fmt.Errorf("%w: %w", room.ErrNotStored, errors.New("not today"))

func (m *moody) be(hangs, fails bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hangs, m.fails = hangs, fails
}

func (m *moody) has(content string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stored[content]
}

func (m *moody) Timeline() room.Timeline { return 0 }

func (m *moody) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{All: true}, nil
}

func (m *moody) DueSummaries(context.Context, time.Duration, int) ([]room.DueSummary, error) {
	return nil, nil
}

// TryWrite is a batch of nothing.
func (m *moody) TryWrite(ctx context.Context, _ uuid.UUID) error {
	return m.Append(ctx, nil, room.Within{Commit: time.Hour})
}

func (m *moody) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	ctx, cancel := context.WithTimeout(ctx, within.Commit)
	defer cancel()
	for {
		m.mu.Lock()
		if m.fails {
			m.mu.Unlock()
			return errMood
		}
		if !m.hangs {
			defer m.mu.Unlock()
			for _, op := range batch {
				m.seq++
				m.stored[op.Content] = true
				op.Outcome, op.Message = room.Stored, &protocol.Message{ID: op.MessageID, RoomID: op.Room, Seq: m.seq, Rev: m.seq}
			}
			return nil
		}
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return errMood
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// onMoody runs a test of one lane on a store with moods, in a time of its own.
func onMoody(t *testing.T, batchOps int, test func(*testing.T, *moody, *room.Service)) {
	withMoody(t, room.Config{Lanes: 1, BatchOps: batchOps}, test)
}

func withMoody(t *testing.T, cfg room.Config, test func(*testing.T, *moody, *room.Service)) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{stored: map[string]bool{}}
		s := room.New(m, nil, nil, cfg)
		defer s.Close()
		test(t, m, s)
	})
}

const writeWait = 5 * time.Second // what the documents promise

func TestAHangingStoreKeepsNobodyWaitingForLong(t *testing.T) {
	onMoody(t, 50, func(t *testing.T, m *moody, s *room.Service) {
		m.be(true, false)
		var (
			mu      sync.Mutex
			longest time.Duration
			waiting sync.WaitGroup
		)
		for i := range 1200 { // 24 full batches, over 30 s
			waiting.Add(1)
			sent := time.Now()
			s.Submit(&room.Op{
				May:    protocol.MayAll,
				Intent: protocol.Intent{Kind: protocol.KindMessage, Content: fmt.Sprint(i)},
				Answer: func(op *room.Op) {
					mu.Lock()
					defer mu.Unlock()
					longest = max(longest, time.Since(sent))
					if op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable {
						t.Errorf("message %s: outcome %d, %v", op.Content, op.Outcome, op.Err)
					}
					waiting.Done()
				},
			})
			time.Sleep(25 * time.Millisecond)
		}
		waiting.Wait()
		if longest < writeWait || longest > writeWait+2*time.Second {
			t.Errorf("somebody waited for %v, want %v and little more", longest, writeWait)
		}
		m.be(false, false)
		back := &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "back"}}
		if err := s.Do(t.Context(), back); err != nil || back.Outcome != room.Stored || m.seq != 1 {
			t.Errorf("after the outage: outcome %d, %v; %d stored", back.Outcome, err, m.seq)
		}
	})
}

// TestWhatWaitsForAHangingStoreIsBounded: beyond the limits of messages and of bytes
// the answer is immediate.
func TestWhatWaitsForAHangingStoreIsBounded(t *testing.T) {
	const messagesMax, bytesMax = 16_384, 32 << 20
	for name, content := range map[string]string{"messages": "x", "bytes": strings.Repeat("x", 40_000)} {
		t.Run(name, func(t *testing.T) {
			onMoody(t, 1, func(t *testing.T, m *moody, s *room.Service) {
				m.be(true, false)
				const sent = 2 * messagesMax
				atOnce, start := 0, time.Now()
				for range sent {
					s.Submit(&room.Op{
						May:    protocol.MayAll,
						Intent: protocol.Intent{Kind: protocol.KindMessage, Content: content},
						Answer: func(op *room.Op) {
							if time.Since(start) > 0 {
								return // by and by, when it has waited long enough
							}
							if atOnce++; op.Err != protocol.ErrUnavailable {
								t.Errorf("a full lane answers %v", op.Err)
							}
						},
					})
				}
				// One more may be on its way to the store.
				waiting := sent - atOnce - 1
				if waiting > messagesMax || waiting*len(content) > bytesMax || s.Stats().LanesNow[0] > messagesMax {
					t.Errorf("%d messages of %d bytes wait", waiting, len(content))
				}
				if waiting < messagesMax-1 && (waiting+2)*len(content) < bytesMax {
					t.Errorf("%d messages of %d bytes are not much for a lane", waiting, len(content))
				}
			})
		})
	}
}

func TestAShortOutageLongAfterAnotherIsWaitedOut(t *testing.T) {
	onMoody(t, 50, func(t *testing.T, m *moody, s *room.Service) {
		m.be(false, true)
		first := &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "first"}}
		if err := s.Do(t.Context(), first); err != nil || first.Outcome != room.Refused {
			t.Fatalf("outcome %d, %v", first.Outcome, err)
		}
		time.Sleep(time.Minute) // it came back in between; nobody wrote
		time.AfterFunc(time.Second, func() { m.be(false, false) })
		second := &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "second"}}
		if err := s.Do(t.Context(), second); err != nil || second.Outcome != room.Stored {
			t.Errorf("outcome %d, %v: it was not waited for", second.Outcome, err)
		}
	})
}

// TestWhatOnlyWaitedIsNotStoredForWhoHasLeft: an answer that came too late for its
// caller is unknown only if the op has come to the store.
func TestWhatOnlyWaitedIsNotStoredForWhoHasLeft(t *testing.T) {
	onMoody(t, 1, func(t *testing.T, m *moody, s *room.Service) {
		m.be(true, false)
		s.Submit(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "ahead"}, Room: uuid.New()})
		synctest.Wait() // the lane has it
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		op := &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "behind"}}
		if err := s.Do(ctx, op); err != nil || op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable {
			t.Errorf("outcome %d (%v), %v", op.Outcome, op.Err, err)
		}
		m.be(false, false)
		time.Sleep(time.Minute)
		if !m.has("ahead") || m.has("behind") {
			t.Errorf("stored: ahead %v, behind %v", m.has("ahead"), m.has("behind"))
		}
	})
}

// TestALaneThatWaitsForListenersRefusesNobody: the store keeps nothing, so what is
// accepted will be stored.
func TestALaneThatWaitsForListenersRefusesNobody(t *testing.T) {
	var congested atomic.Bool
	congested.Store(true)
	withMoody(t, room.Config{Lanes: 1, Congested: congested.Load}, func(t *testing.T, m *moody, s *room.Service) {
		if err := s.Do(t.Context(), &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "told late"}}); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*writeWait, func() { congested.Store(false) })
		op := &room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "waits for it"}}
		if err := s.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
			t.Errorf("outcome %d (%v), %v", op.Outcome, op.Err, err)
		}
	})
}
