package backplane

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room/queue"
)

// publisher sends the notices of a slot: a bounded queue, and a goroutine, which puts
// what waits into one pipeline. What cannot be sent is dropped and counted:
// other nodes read it from the database.
type publisher struct {
	b       *Backplane
	slot    *slot
	queue   *queue.Queue[outgoing]
	running atomic.Bool // there is a client to send with
	busy    atomic.Bool // something taken from the queue is being sent
}

// outgoing is a notice on its way to Redis.
type outgoing struct {
	channel string
	payload []byte
}

func newPublisher(b *Backplane, of *slot) *publisher {
	size := func(o outgoing) int { return len(o.payload) }
	return &publisher{b: b, slot: of, queue: queue.New(noticesMax, b.slotBytes(), size)}
}

// slotBytes is how many bytes may wait in a slot's publisher.
func (b *Backplane) slotBytes() int {
	if b.cfg.NoticesBytes == 0 {
		return noticeBytesMax
	}
	slots := int64(1)
	if b.cluster() {
		slots = clusterSlots
	}
	return int(min(b.cfg.NoticesBytes/slots, noticeBytesMax))
}

// open says whether there is a client to send with. Without one a notice is counted
// as dropped: nobody wants old notices once Redis is there.
func (p *publisher) open() bool {
	if !p.running.Load() {
		p.b.stats.dropped.Add(1)
		return false
	}
	return true
}

// enqueue puts a notice into the queue if fewer than most wait there. False: it was dropped.
func (p *publisher) enqueue(channel string, payload []byte, most int) bool {
	taken := p.running.Load() && p.queue.PutBelow(outgoing{channel, payload}, most)
	if !taken {
		p.b.stats.dropped.Add(1)
	}
	return taken
}

// run sends until ctx ends.
func (p *publisher) run(ctx context.Context, client rueidis.Client) error {
	p.drop() // what was put in while the last client was given up
	p.running.Store(true)
	defer func() {
		p.running.Store(false)
		p.drop()
		p.busy.Store(false)
	}()
	var batch []outgoing
	for p.queue.Wait(ctx) {
		p.busy.Store(true) // before anything leaves the queue: flush looks at both
		clear(batch)
		if batch = p.queue.Take(batch[:0], pipelineMax); len(batch) > 0 {
			p.send(ctx, client, batch)
		}
		p.busy.Store(false)
	}
	return ctx.Err()
}

// drop forgets what waits.
func (p *publisher) drop() {
	p.b.stats.dropped.Add(int64(len(p.queue.Take(nil, noticesMax))))
}

func (p *publisher) send(ctx context.Context, client rueidis.Client, batch []outgoing) {
	cmds := make(rueidis.Commands, len(batch))
	sharded := p.slot.sharded.Load()
	for i, o := range batch {
		if sharded {
			cmds[i] = client.B().Spublish().Channel(o.channel).Message(rueidis.BinaryString(o.payload)).Build()
		} else {
			cmds[i] = client.B().Publish().Channel(o.channel).Message(rueidis.BinaryString(o.payload)).Build()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	for _, result := range client.DoMulti(ctx, cmds...) {
		if err := result.Error(); err != nil {
			p.b.trouble.is(cause("publish", withoutArguments(err)))
			p.b.stats.publishErrors.Add(1)
		} else {
			p.b.stats.published.Add(1)
		}
	}
}

// withoutArguments leaves out the part of an error of Redis that quotes what was
// sent: it is nothing for a log.
func withoutArguments(err error) error {
	if text, _, quoted := strings.Cut(err.Error(), ", with args"); quoted {
		return errors.New(text)
	}
	return err
}

// flush waits until everything is sent, or the time is up.
func (p *publisher) flush(deadline time.Time) {
	for time.Now().Before(deadline) {
		if p.queue.Len() == 0 && !p.busy.Load() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
