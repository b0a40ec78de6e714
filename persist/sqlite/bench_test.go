package sqlite_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// BenchmarkAppend tells durable messages a second (fsync on) by size of batch, and what one takes
// of the processor and writes, to the log and from there to the file. The store has 20,000 before.
func BenchmarkAppend(b *testing.B) {
	for _, rows := range []int{1, 10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			f := openFleet(b, filepath.Join(b.TempDir(), "caravan.db"), 100).closeAfter(b)
			for range 20 {
				if err := f.Append(b.Context(), f.sends(1000, 200), room.Within{}); err != nil {
					b.Fatal(err)
				}
			}
			var spent usage
			for b.Loop() {
				b.StopTimer()
				batch := f.sends(rows, 200)
				before := usageNow(b)
				b.StartTimer()
				if err := f.Append(b.Context(), batch, room.Within{}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				spent = spent.plus(usageNow(b).minus(before))
				b.StartTimer()
			}
			n := float64(rows) * float64(b.N)
			b.ReportMetric(n/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(spent.processor.Nanoseconds())/1000/n, "cpu-us/message")
			b.ReportMetric(float64(spent.written)/n, "written-B/message")
		})
	}
}

// usage is what this process has used.
type usage struct {
	processor time.Duration
	written   int64 // bytes, to anything
}

func usageNow(tb testing.TB) (u usage) {
	tb.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	u.processor = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return u // not Linux
	}
	_, rest, _ := strings.Cut(string(io), "wchar: ")
	if _, err := fmt.Sscan(rest, &u.written); err != nil {
		tb.Fatal(err)
	}
	return u
}

func (u usage) plus(v usage) usage  { return usage{u.processor + v.processor, u.written + v.written} }
func (u usage) minus(v usage) usage { return usage{u.processor - v.processor, u.written - v.written} }

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
