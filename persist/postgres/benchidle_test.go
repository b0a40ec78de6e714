package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// BenchmarkIdle tells what a node asks that has nothing to do: of 1,000 rooms whose numbers it
// compares all, as it does every five minutes, or asks which were written, as it does every five
// seconds, where none was and where each was often; and of 10,000 members whose rights it looks at again, as it does every
// --recheck-interval, or asks whose may have changed. Processor time is the server's.
func BenchmarkIdle(b *testing.B) {
	const rooms, members, part = 1_000, 10_000, 1_000
	url := migrated.Postgres(b, pgserver.Shared(b))
	f := &fleet{t: b, url: url, Store: openStore(b, Config{URL: url, Writers: 1, Readers: 1, Log: quiet})}
	seeds := persist.Fleet(members, rooms)
	if err := f.Seed(b.Context(), seeds); err != nil {
		b.Fatal(err)
	}
	questions := make([]room.AccessQuestion, members)
	for i := range questions {
		questions[i] = room.AccessQuestion{User: seeds.Users[i].ID, Place: seeds.Trips[i%rooms].ID, TripOnly: true}
	}
	answers, err := f.Access(b.Context(), questions[:rooms])
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]uuid.UUID, rooms)
	for i := range answers {
		ids[i] = answers[i].Room.ID
	}
	var since, changed room.Moment
	written := 0
	triggers, err := RightsTriggers(b.Context(), Config{URL: url}, false)
	if err != nil {
		b.Fatal(err)
	}
	f.exec(triggers)
	for _, c := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"1000 rooms compared", func() (int, error) {
			heads, err := f.Heads(b.Context(), ids)
			return len(heads), err
		}},
		{"1000 rooms, none written", func() (int, error) {
			n, err := f.NumbersSince(b.Context(), since)
			since = n.Until
			return len(n.Of), err
		}},
		{"1000 rooms, each written 25 times", func() (int, error) {
			for ; written < 25; written++ {
				f.exec("UPDATE chat_rooms SET last_seq = last_seq + 1")
			}
			n, err := f.NumbersSince(b.Context(), since)
			return len(n.Of), err
		}},
		{"10000 members", func() (n int, err error) {
			for from := 0; from < members && err == nil; from += part {
				var answers []room.Access
				answers, err = f.Access(b.Context(), questions[from:from+part])
				n += len(answers)
			}
			return n, err
		}},
		{"10000 members, none changed", func() (int, error) {
			rights, err := f.RightsSince(b.Context(), changed)
			changed = rights.Until
			return 0, err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			if _, err := c.ask(); err != nil {
				b.Fatal(err)
			}
			conn, err := f.readers.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			pgconn := conn.Conn()
			conn.Release() // there is one reader
			answered, before := 0, backendCPU(b, pgconn)
			for b.Loop() {
				n, err := c.ask()
				if err != nil {
					b.Fatal(err)
				}
				answered += n
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(answered)/float64(b.N), "rows")
			b.ReportMetric(float64((backendCPU(b, pgconn)-before).Microseconds())/float64(b.N), "server-µs")
		})
	}
}

// BenchmarkNumbersNoted compares commits with the triggers that note which numbers were written, and
// without them, in turns.
func BenchmarkNumbersNoted(b *testing.B) {
	for _, rows := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			f := newFleet(b, Config{URL: migrated.Postgres(b, pgserver.Shared(b)), Writers: 1}, 100)
			conn, err := f.writers.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			pgconn := conn.Conn()
			conn.Release() // there is one writer
			var spent [2]time.Duration
			n := 0
			for b.Loop() {
				for turn, state := range []string{"ALTER TABLE chat_rooms DISABLE TRIGGER ALL", enableTriggers(strings.Split(noteTriggers, ","))} {
					f.exec(state)
					f.mustAppend(f.send(0, text256)) // plans are made anew
					before := backendCPU(b, pgconn)
					for range max(10, 200/rows) {
						batch := make([]*room.Op, rows)
						for i := range batch {
							batch[i] = f.send(i%100, text256)
							batch[i].ClientID = uuid.NewString()
						}
						f.mustAppend(batch...)
					}
					spent[turn] += backendCPU(b, pgconn) - before
				}
				n += max(10, 200/rows)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(spent[0].Microseconds())/float64(n), "server-µs/commit-without")
			b.ReportMetric(float64(spent[1].Microseconds())/float64(n), "server-µs/commit")
		})
	}
}

// BenchmarkRightsNoted compares writes of the application with triggers that note whose rights may have
// changed, and without them, in turns: another last_login, and another role.
func BenchmarkRightsNoted(b *testing.B) {
	f := newFleet(b, Config{URL: migrated.Postgres(b, pgserver.Shared(b))}, 1)
	f.exec("ALTER TABLE users ADD COLUMN last_login timestamptz")
	conn := f.session()
	const writes = 200
	var spent [2][2]time.Duration
	for b.Loop() {
		for turn, drop := range []bool{true, false} {
			sql, err := RightsTriggers(b.Context(), Config{URL: f.url}, drop)
			if err != nil {
				b.Fatal(err)
			}
			f.exec(sql)
			for i, write := range []string{"UPDATE users SET last_login = now()", "UPDATE collaborators SET role = role || 'x'"} {
				mustExec(b, conn, write) // plans are made anew
				before := backendCPU(b, conn)
				for range writes {
					mustExec(b, conn, write)
				}
				spent[i][turn] += backendCPU(b, conn) - before
			}
			f.exec("UPDATE collaborators SET role = ''")
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, what := range []string{"login", "role"} {
		for turn, with := range []string{"without", "with"} {
			b.ReportMetric(float64(spent[i][turn].Microseconds())/float64(b.N*writes), "server-µs/"+what+"-"+with)
		}
	}
}
