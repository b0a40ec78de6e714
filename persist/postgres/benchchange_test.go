package postgres

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// BenchmarkChange tells what a change of a message costs PostgreSQL beside as many sends: 40 of
// each a commit, as with 50 commits a second at 2,000 of each. The changed messages are any of
// 5,000 that were sent lately, each once. After each 20,000 changes the tables are vacuumed, which counts. What the
// sends cost by themselves is measured in the same way, and taken off.
func BenchmarkChange(b *testing.B) {
	for _, kind := range []protocol.Kind{protocol.KindEdit, protocol.KindPin, protocol.KindDelete} {
		b.Run(kind.String(), func(b *testing.B) {
			alone, with := newChanging(b), newChanging(b)
			with.kind = kind
			changes := 0
			for b.Loop() {
				alone.commit()
				with.commit()
				if changes += changesAtOnce; changes%20_000 == 0 {
					alone.vacuum()
					with.vacuum()
				}
			}
			alone.vacuum()
			with.vacuum()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64((with.cpu()-alone.cpu()).Nanoseconds())/1000/float64(changes), "server-µs/change")
			b.ReportMetric(float64(alone.cpu().Nanoseconds())/1000/float64(changes), "server-µs/send")
		})
	}
}

const changesAtOnce = 40

// changing is a database in which messages are sent, and changed where there is a kind.
type changing struct {
	*fleet
	b        *testing.B
	kind     protocol.Kind
	sent     []room.Op // not changed yet
	pick     *rand.Rand
	next     int
	vacuumed time.Duration
}

func newChanging(b *testing.B) *changing {
	c := &changing{fleet: newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, 1000), b: b, pick: rand.New(rand.NewPCG(1, 2))}
	for range 25 {
		c.send200()
	}
	return c
}

// send200 sends messages that are there before.
func (c *changing) send200() {
	batch := make([]*room.Op, 200)
	for i := range batch {
		batch[i] = c.message()
	}
	c.mustAppend(batch...)
	c.keep(batch)
}

func (c *changing) message() *room.Op {
	c.next++
	return c.fleet.send(c.next%1000, text256)
}

func (c *changing) keep(batch []*room.Op) {
	for _, op := range batch {
		c.sent = append(c.sent, *op)
	}
}

// commit sends messages, and changes as many, each once.
func (c *changing) commit() {
	batch := make([]*room.Op, changesAtOnce)
	for i := range batch {
		batch[i] = c.message()
	}
	sends := batch
	if c.kind != 0 {
		for range changesAtOnce {
			at, last := c.pick.IntN(len(c.sent)), len(c.sent)-1
			of := c.sent[at]
			c.sent[at], c.sent = c.sent[last], c.sent[:last]
			op := c.fleet.send(0, "changed")
			op.Intent = protocol.Intent{Kind: c.kind, MessageID: of.MessageID, Content: "changed", On: true}
			op.Room, op.Trip, op.Row, op.May = of.Room, of.Trip, uuid.New(), protocol.MayAll
			batch = append(batch, op)
		}
	}
	c.mustAppend(batch...)
	c.keep(sends)
}

func (c *changing) vacuum() {
	conn := c.session()
	before := backendCPU(c.b, conn)
	mustExec(c.b, conn, "VACUUM chat_messages")
	mustExec(c.b, conn, "VACUUM chat_events")
	c.vacuumed += backendCPU(c.b, conn) - before
}

// cpu is the processor time of the writer and of the vacuums.
func (c *changing) cpu() time.Duration {
	conn, err := c.writers.Acquire(c.b.Context())
	if err != nil {
		c.b.Fatal(err)
	}
	defer conn.Release()
	return c.vacuumed + backendCPU(c.b, conn.Conn())
}
