package postgres

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

var text256 = strings.Repeat("0123456789abcdef", 16)

// BenchmarkAppend tells durable messages a second, fsync on: 256 bytes each,
// with a client_id.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 2, 4} {
		for _, rows := range []int{1, 10, 100, 1000, 5000} {
			b.Run(fmt.Sprintf("writers=%d/rows=%d", writers, rows), func(b *testing.B) {
				f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: writers}, 100)
				var turn atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				start, ownBefore := time.Now(), ownCPU(b)
				for w := range writers {
					wg.Go(func() {
						for turn.Add(1) <= int64(b.N) {
							batch := make([]*room.Op, rows)
							for i := range batch {
								// A lane has rooms of its own.
								batch[i] = f.send(w+writers*(i%(100/writers)), text256)
								batch[i].ClientID = uuid.NewString()
							}
							if err := f.Append(b.Context(), batch, room.Within{}); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N*rows)/time.Since(start).Seconds(), "rows/s")
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(time.Since(start).Microseconds())*float64(writers)/float64(b.N), "µs/commit")
				b.ReportMetric(float64((ownCPU(b)-ownBefore).Microseconds())/float64(b.N*rows), "client-µs/row")
				var server time.Duration
				for _, conn := range f.writers.AcquireAllIdle(b.Context()) {
					server += backendCPU(b, conn.Conn())
					conn.Release()
				}
				b.ReportMetric(float64(server.Microseconds())/float64(b.N*rows), "server-µs/row")
			})
		}
	}
}

// BenchmarkAppendByMany is one writer with batches of messages by as many senders, in
// 100 rooms.
func BenchmarkAppendByMany(b *testing.B) {
	for _, rows := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			f := &fleet{t: b, Store: openStore(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1, Log: quiet})}
			seeds := persist.Fleet(1000, 100)
			if err := f.Seed(b.Context(), seeds); err != nil {
				b.Fatal(err)
			}
			questions := make([]room.AccessQuestion, 100)
			for i := range questions {
				questions[i] = room.AccessQuestion{User: seeds.Users[i].ID, Place: seeds.Trips[i].ID}
			}
			answers, err := f.Access(b.Context(), questions)
			if err != nil {
				b.Fatal(err)
			}
			for _, a := range answers {
				f.rooms, f.trips = append(f.rooms, a.Room.ID), append(f.trips, a.Room.TripID)
			}
			b.ResetTimer()
			n := 0
			for range b.N {
				batch := make([]*room.Op, rows)
				for i := range batch {
					batch[i] = f.send(n%100, text256)
					batch[i].Sender, batch[i].ClientID = seeds.Users[n%1000], uuid.NewString()
					n++
				}
				f.mustAppend(batch...)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/commit")
			conn, err := f.writers.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Release()
			b.ReportMetric(float64(backendCPU(b, conn.Conn()).Microseconds())/float64(b.N*rows), "server-µs/row")
		})
	}
}

// BenchmarkInsert compares the ways to insert many rows, each in a transaction of
// its own: one statement with arrays, a pipelined statement a row, and COPY.
func BenchmarkInsert(b *testing.B) {
	n := 0
	insertOne := "INSERT INTO chat_messages (" + plainRows.names + ") VALUES (" + list(plainTable, func(c column) string {
		n++
		return c.stored(fmt.Sprintf("$%d::%s", n, c.sqlType))
	}) + ")"
	row := func(m *protocol.Message) []any {
		args := make([]any, len(plainTable))
		for i, c := range plainTable {
			args[i] = c.value(m)
		}
		return args
	}
	ways := []struct {
		name string
		run  func(*testing.B, *pgx.Conn, []*protocol.Message) error
	}{
		{"arrays", func(b *testing.B, conn *pgx.Conn, rows []*protocol.Message) error {
			var batch pgx.Batch
			batch.Queue(begin)
			batch.Queue(plainRows.insert, arrayArgs(plainTable, rows)...)
			batch.Queue(commit)
			return conn.SendBatch(b.Context(), &batch).Close()
		}},
		{"pipeline", func(b *testing.B, conn *pgx.Conn, rows []*protocol.Message) error {
			var batch pgx.Batch
			batch.Queue(begin)
			for _, m := range rows {
				batch.Queue(insertOne, row(m)...)
			}
			batch.Queue(commit)
			return conn.SendBatch(b.Context(), &batch).Close()
		}},
		{"copy", func(b *testing.B, conn *pgx.Conn, rows []*protocol.Message) error {
			if _, err := conn.Exec(b.Context(), begin); err != nil {
				return err
			}
			if err := copyIn(b.Context(), conn, &persist.Plan{Inserts: rows}); err != nil {
				return err
			}
			_, err := conn.Exec(b.Context(), commit)
			return err
		}},
	}
	for _, rows := range []int{1, 10, 50, 100, 200, 500, 1000, 5000} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("rows=%d/%s", rows, way.name), func(b *testing.B) {
				f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b)}, 100)
				conn := f.session()
				at := time.Now().UTC()
				seq := int64(0)
				b.ResetTimer()
				start, ownBefore, serverBefore := time.Now(), ownCPU(b), backendCPU(b, conn)
				for range b.N {
					batch := make([]*protocol.Message, rows)
					for i := range batch {
						seq++
						batch[i] = &protocol.Message{
							ID: uuid.Must(uuid.NewV7()), RoomID: f.rooms[i%100], Sender: f.user, Content: text256, Type: protocol.TypeText,
							CreatedAt: at, UpdatedAt: at, Seq: seq, Rev: seq, ClientID: uuid.NewString(),
						}
					}
					if err := way.run(b, conn, batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*rows)/time.Since(start).Seconds(), "rows/s")
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64((ownCPU(b)-ownBefore).Microseconds())/float64(b.N*rows), "client-µs/row")
				b.ReportMetric(float64((backendCPU(b, conn)-serverBefore).Microseconds())/float64(b.N*rows), "server-µs/row")
			})
		}
	}
}

// ownCPU and backendCPU tell processor time, which other load on the machine
// does not distort as it does rows/s.
func ownCPU(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func backendCPU(b *testing.B, conn *pgx.Conn) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", conn.PgConn().PID()))
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(ns)
}

// benchRead has 100 rooms of 60 messages and 1,000 users.
func benchRead(b *testing.B) (*fleet, *persist.Seeds) {
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b)}, 100)
	seeds := persist.Fleet(1000, 100)
	if err := f.Seed(b.Context(), seeds); err != nil {
		b.Fatal(err)
	}
	var batch []*room.Op
	for i := range 6000 {
		op := f.send(i%100, text256)
		op.Sender = seeds.Users[i%1000]
		batch = append(batch, op)
	}
	f.mustAppend(batch...)
	return f, seeds
}

func BenchmarkLatest(b *testing.B) {
	f, _ := benchRead(b)
	for _, rooms := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			for range b.N {
				if _, err := f.Latest(b.Context(), f.rooms[:rooms], room.Limit{Messages: 50}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*rooms), "µs/room")
		})
	}
}

func BenchmarkAccess(b *testing.B) {
	f, seeds := benchRead(b)
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("questions=%d", n), func(b *testing.B) {
			questions := make([]room.AccessQuestion, n)
			for i := range questions {
				questions[i] = room.AccessQuestion{User: seeds.Users[i].ID, Place: seeds.Trips[i%100].ID}
			}
			for range b.N {
				if _, err := f.Access(b.Context(), questions); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N*n), "µs/question")
		})
	}
}

func BenchmarkSeed(b *testing.B) {
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b)}, 1)
	for range b.N {
		if err := f.Seed(b.Context(), persist.Fleet(100_000, 1000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLightLoad takes turns between Append of one message and the least that
// a durable row costs: BEGIN, INSERT and COMMIT one after the other, into a table
// without further indexes. It tells both medians.
func BenchmarkLightLoad(b *testing.B) {
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, 1)
	conn := f.session()
	mustExec(b, conn, "CREATE TABLE bare (id uuid PRIMARY KEY, room uuid, sender uuid, content text, at timestamptz)")
	var bare, appended []time.Duration
	for b.Loop() {
		op := f.send(0, text256)
		op.ClientID = uuid.NewString()
		start := time.Now()
		f.mustAppend(op)
		appended = append(appended, time.Since(start))

		start = time.Now()
		mustExec(b, conn, "BEGIN")
		mustExec(b, conn, "INSERT INTO bare VALUES ($1, $2, $3, $4, $5)", [16]byte(op.MessageID), [16]byte(op.Room), [16]byte(op.Sender.ID), op.Content, op.At)
		mustExec(b, conn, "COMMIT")
		bare = append(bare, time.Since(start))
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2].Microseconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(bare), "bare-µs")
	b.ReportMetric(median(appended), "append-µs")
	b.ReportMetric(median(appended)/median(bare), "times")
}
