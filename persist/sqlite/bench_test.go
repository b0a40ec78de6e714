package sqlite_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// fleet is a store with rooms and a member of each.
type fleet struct {
	*sqlite.Store
	rooms   []uuid.UUID
	members []protocol.User
}

func openFleet(tb testing.TB, path string, rooms int) *fleet {
	tb.Helper()
	store, err := sqlite.Open(tb.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	f, err := fleetOf(tb.Context(), store, rooms)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// fleetOf seeds a store and makes its rooms, where that was not done before.
func fleetOf(ctx context.Context, store *sqlite.Store, rooms int) (*fleet, error) {
	f := &fleet{Store: store}
	if err := store.Seed(ctx, persist.Fleet(rooms, rooms)); err != nil {
		return nil, err
	}
	questions := make([]room.AccessQuestion, rooms)
	for i := range questions {
		questions[i] = room.AccessQuestion{User: persist.FleetUser(i), Place: persist.FleetTrip(i)}
	}
	answers, err := store.Access(ctx, questions)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		f.rooms = append(f.rooms, a.Room.ID)
		f.members = append(f.members, a.User)
	}
	return f, nil
}

func (f *fleet) closeAfter(tb testing.TB) *fleet {
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// sends returns n messages, spread over the rooms.
func (f *fleet) sends(n, contentBytes int) []*room.Op {
	batch := make([]*room.Op, n)
	content := string(make([]byte, contentBytes))
	content = fmt.Sprintf("%0*d", contentBytes, len(content))
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range batch {
		r := i % len(f.rooms)
		batch[i] = &room.Op{
			Intent: protocol.Intent{
				Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: content, Type: protocol.TypeText, ClientID: uuid.NewString(),
			},
			Room: f.rooms[r], Trip: persist.FleetTrip(r), Sender: f.members[r], At: now,
		}
	}
	return batch
}

// BenchmarkAppend tells durable messages a second (fsync on) by size of batch.
func BenchmarkAppend(b *testing.B) {
	for _, rows := range []int{1, 10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			f := openFleet(b, filepath.Join(b.TempDir(), "caravan.db"), 100).closeAfter(b)
			for b.Loop() {
				b.StopTimer()
				batch := f.sends(rows, 200)
				b.StartTimer()
				if err := f.Append(b.Context(), batch, room.Within{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkLatest tells what the history of one client costs, alone and while
// the writer commits without a pause.
func BenchmarkLatest(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("writing=%v", busy), func(b *testing.B) {
			f := openFleet(b, filepath.Join(b.TempDir(), "caravan.db"), 100).closeAfter(b)
			for range 60 {
				if err := f.Append(b.Context(), f.sends(100, 200), room.Within{}); err != nil {
					b.Fatal(err)
				}
			}
			var writing sync.WaitGroup
			ctx, stop := context.WithCancel(b.Context())
			if busy {
				writing.Go(func() {
					for ctx.Err() == nil {
						_ = f.Append(ctx, f.sends(100, 200), room.Within{}) // the end of ctx may cut the last one
					}
				})
			}
			i := 0
			for b.Loop() {
				i++
				pages, err := f.Latest(b.Context(), f.rooms[i%len(f.rooms):][:1], room.Limit{Messages: 50})
				if err != nil || len(pages[0].Messages) != 50 {
					b.Fatal(err, len(pages))
				}
			}
			stop()
			writing.Wait()
		})
	}
}
