package room_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room"
)

// A poll that ends before anything was read must not claim that the caller has
// seen what it was not shown.
func TestWaitThatEndsBeforeItReadsSkipsNothing(t *testing.T) {
	h := open(t, room.Config{})
	in := h.rooms[0]
	h.send(t, 0, "never shown")
	in.Seq = 1 // as the room stood when the caller was let in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for since, want := range map[int64]int64{0: 0, 1: 1, 7: 1} {
		p, err := h.Wait(ctx, in, room.SinceQuery{Room: in.ID, Since: since, Limit: 50})
		if err != nil || (len(p.Messages) == 0 && p.Seq != want) {
			t.Errorf("since %d: %+v, %v; want number %d", since, p, err, want)
		}
	}
}

// TestWaitBeyondTheLastNumberAnswersWithGreaterOnesOnly: what the room gets up to the
// number is not what was asked for. It costs no look into the store, either.
func TestWaitBeyondTheLastNumberAnswersWithGreaterOnesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := room.New(newMemory(), nil, nil, room.Config{})
		defer s.Close()
		send := func(content string) {
			if err := s.Do(t.Context(), messageTo(roomA, content)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		send("1")
		var answer *room.Page
		go func() {
			p, err := s.Wait(t.Context(), room.Info{ID: roomA, Seq: 1}, room.SinceQuery{Room: roomA, Since: 3, Limit: 50})
			if err != nil {
				t.Error(err)
			}
			answer = &p
		}()
		pass(time.Minute)
		looks := s.Stats().HistoryAsked
		send("2")
		send("3")
		pass(time.Minute)
		if answer != nil {
			t.Fatalf("who asked for what comes after 3 got %+v", answer)
		}
		if n := s.Stats().HistoryAsked; n != looks {
			t.Errorf("%d looks into the store for events that were not asked for", n-looks)
		}
		send("4")
		if p := answer; p == nil || len(p.Messages) != 1 || p.Messages[0].Seq != 4 || p.Stand != 4 {
			t.Fatalf("got %+v", p)
		}
	})
}

// TestWaitBeyondTheLastNumberEndsEmpty: with the room's number, like a call that does not
// wait.
func TestWaitBeyondTheLastNumberEndsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := room.New(newMemory(), nil, nil, room.Config{})
		defer s.Close()
		if err := s.Do(t.Context(), messageTo(roomA, "1")); err != nil {
			t.Fatal(err)
		}
		for _, since := range []int64{2, 99, math.MaxInt64} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			q := room.SinceQuery{Room: roomA, Since: since, Limit: 50}
			p, err := s.Wait(ctx, room.Info{ID: roomA, Seq: 1}, q)
			if err != nil || len(p.Messages) != 0 || p.Seq != 1 || p.Stand != 1 || p.HasMore || ctx.Err() == nil {
				t.Errorf("since %d: %+v, %v", since, p, err)
			}
			cancel()
			if now, err := s.Since(t.Context(), q); err != nil || now.Stand != p.Stand || now.HasMore {
				t.Errorf("since %d, without waiting: %+v, %v", since, now, err)
			}
		}
	})
}

// TestWhoHasAnEventBeyondTheLastNumberNeedNotWait: a client that names the message that it
// has under a number that the room has not got has seen a database that went back.
func TestWhoHasAnEventBeyondTheLastNumberNeedNotWait(t *testing.T) {
	h := open(t, room.Config{})
	m := h.send(t, 0, "1")
	in := h.rooms[0]
	in.Seq = 1
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if p, err := h.Wait(soon, in, room.SinceQuery{Room: in.ID, Since: 2, Last: uuid.New(), Limit: 50}); err != nil || len(p.Messages) != 0 || p.Stand != 0 || !p.HasMore {
		t.Errorf("got %+v, %v", p, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if p, err := h.Wait(ctx, in, room.SinceQuery{Room: in.ID, Since: 1, Last: m.ID, Limit: 50}); err != nil || len(p.Messages) != 0 || p.Stand != 1 || p.HasMore {
		t.Errorf("who stands where the room does got %+v, %v", p, err)
	}
}

// TestARewindEndsAWaitBeyondTheLastNumber.
func TestARewindEndsAWaitBeyondTheLastNumber(t *testing.T) {
	h := open(t, room.Config{Lanes: 1})
	id := h.rooms[0].ID
	h.tell(t, 5)
	polled, asked := make(chan room.Page, 1), h.Stats().HistoryAsked
	in := h.rooms[0]
	in.Seq = 5
	go func() {
		p, err := h.Wait(t.Context(), in, room.SinceQuery{Room: id, Since: 9, Limit: 50})
		if err != nil {
			t.Error(err)
		}
		polled <- p
	}()
	await.Until(t, "the poll has found nothing", func() bool { return h.Stats().HistoryAsked > asked })
	h.goBack(t, 2)
	h.send(t, 0, "stored as 3")
	if p := await.Value(t, "an answer to the poll", polled); len(p.Messages) != 0 || p.Stand != 0 || !p.HasMore {
		t.Errorf("got %+v", p)
	}
}
