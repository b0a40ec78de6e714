package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testManyWriters(t *testing.T, open Open) {
	w := newWorld(t, open, 4, 3)
	const writers, batches, size = 8, 15, 12
	all := make([][]*room.Op, writers)
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			var own []*room.Op
			for range batches {
				batch := make([]*room.Op, size)
				for i := range batch {
					r := random.IntN(3)
					if len(own) > 0 && random.IntN(4) == 0 {
						target := own[random.IntN(len(own))]
						batch[i] = &room.Op{Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: target.MessageID, Content: uuid.NewString()}, Row: uuid.New(), Room: target.Room, Trip: target.Trip, Sender: target.Sender, At: now()}
						continue
					}
					batch[i] = w.send(r, n%4, fmt.Sprint(n, i), clientID(uuid.NewString()))
				}
				if err := w.store.Append(t.Context(), batch, room.Within{}); err != nil {
					t.Error(err)
					return
				}
				for _, op := range batch {
					if op.Kind == protocol.KindMessage {
						own = append(own, op)
					}
				}
				all[n] = append(all[n], batch...)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}

	for r, id := range w.rooms {
		events := map[int64]*room.Op{}
		final := map[uuid.UUID]*protocol.Message{}
		for _, ops := range all {
			last := int64(0)
			for _, op := range ops {
				if op.Room != id {
					continue
				}
				w.mustOutcome(op, room.Stored, "")
				rev := op.Message.Rev
				if events[rev] != nil {
					t.Fatalf("room %d: number %d was given twice", r, rev)
				}
				if rev <= last {
					t.Fatalf("room %d: %d after %d in one writer's order", r, rev, last)
				}
				events[rev], last = op, rev
				if f := final[op.MessageID]; f == nil || f.Rev < rev {
					final[op.MessageID] = op.Message
				}
			}
		}
		head := w.head(r)
		if int64(len(events)) != head {
			t.Fatalf("room %d: %d events, head %d", r, len(events), head)
		}
		page := w.since(r, 0, len(events)+1)
		if len(page.Messages) != len(final) || page.HasMore || page.Seq != head {
			t.Fatalf("room %d: %d messages, want %d; seq %d", r, len(page.Messages), len(final), page.Seq)
		}
		for i := range page.Messages {
			w.same(&page.Messages[i], final[page.Messages[i].ID])
		}
	}
}

// testResumeUnderLoad follows a room with ?since= while others write and edit:
// what the follower has in the end is the room.
func testResumeUnderLoad(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	var writers sync.WaitGroup
	for n := range 3 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(n)))
			var own []uuid.UUID
			for i := range 60 {
				batch := []*room.Op{w.send(0, n, fmt.Sprint("new ", i)), w.send(0, n, fmt.Sprint("newer ", i))}
				for range 3 {
					if len(own) > 0 {
						batch = append(batch, w.edit(0, n, own[random.IntN(len(own))], fmt.Sprint("edit ", i)))
					}
				}
				if err := w.store.Append(t.Context(), batch, room.Within{}); err != nil {
					t.Error(err)
					return
				}
				own = append(own, batch[0].MessageID, batch[1].MessageID)
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()

	var followers sync.WaitGroup
	copies := make([]map[uuid.UUID]protocol.Message, 3)
	for n := range copies {
		copies[n] = map[uuid.UUID]protocol.Message{}
		limit := []int{1, 7, 1000}[n]
		followers.Go(func() {
			at, finish := int64(0), false
			for {
				page, err := room.Changes(t.Context(), w.store, room.SinceQuery{Room: w.rooms[0], Since: at, Limit: limit})
				if err != nil {
					t.Error(err)
					return
				}
				last := at
				for _, m := range page.Messages {
					if m.Rev <= last || m.Rev > page.Seq {
						t.Errorf("rev %d after %d in a page that stands at %d", m.Rev, last, page.Seq)
						return
					}
					last = m.Rev
					copies[n][m.ID] = m
				}
				if page.Seq < at || page.HasMore && page.Stand <= at { // most numbers may be covered by later ones
					t.Errorf("after %d: seq %d, %d messages, more %v", at, page.Seq, len(page.Messages), page.HasMore)
					return
				}
				at = page.Stand
				if finish && !page.HasMore {
					return
				}
				select {
				case <-done:
					finish = true
				default:
				}
			}
		})
	}
	followers.Wait()
	<-done
	if t.Failed() {
		return
	}
	want := w.since(0, 0, 10_000)
	if len(want.Messages) != 3*60*2 {
		t.Fatalf("%d messages", len(want.Messages))
	}
	for n, got := range copies {
		if len(got) != len(want.Messages) {
			t.Fatalf("follower %d has %d of %d messages", n, len(got), len(want.Messages))
		}
		for _, m := range want.Messages {
			m2 := got[m.ID]
			w.same(&m2, &m)
		}
	}
}
