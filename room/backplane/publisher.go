package backplane

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// publisher sends the notices of a slot: a bounded queue, and a goroutine, which puts
// what waits into one pipeline. What cannot be sent is dropped and counted:
// other nodes read it from the database.
type publisher struct {
	b    *Backplane
	slot *slot

	mu      sync.Mutex
	running bool // there is a client to send with
	queue   []outgoing
	bytes   int
	busy    bool // something taken from the queue is being sent
	wake    chan struct{}
}

type outgoing struct {
	channel string
	payload []byte
}

func newPublisher(b *Backplane, of *slot) *publisher {
	return &publisher{b: b, slot: of, wake: make(chan struct{}, 1)}
}

// open says whether there is a client to send with. Without one a notice is counted
// as dropped: nobody wants old notices once Redis is there.
func (p *publisher) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		p.b.stats.dropped.Add(1)
	}
	return p.running
}

// enqueue puts a notice into the queue if fewer than max wait there.
func (p *publisher) enqueue(channel string, payload []byte, max int) {
	p.mu.Lock()
	if !p.running || len(p.queue) >= max || p.bytes+len(payload) > noticeBytesMax {
		p.mu.Unlock()
		p.b.stats.dropped.Add(1)
		return
	}
	p.queue = append(p.queue, outgoing{channel, payload})
	p.bytes += len(payload)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take moves what waits into batch, which it returns, at most one pipeline.
func (p *publisher) take(batch []outgoing) []outgoing {
	clear(batch)
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.queue), pipelineMax)
	batch = append(batch[:0], p.queue[:n]...)
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	for _, s := range batch {
		p.bytes -= len(s.payload)
	}
	p.busy = n > 0
	return batch
}

// run sends until ctx ends.
func (p *publisher) run(ctx context.Context, client rueidis.Client) {
	p.setRunning(true)
	defer p.setRunning(false)
	var batch []outgoing
	for {
		if batch = p.take(batch); len(batch) > 0 {
			p.send(ctx, client, batch)
			continue
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
	}
}

// setRunning opens the publisher, or shuts it and drops what was not sent.
func (p *publisher) setRunning(running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.b.stats.dropped.Add(int64(len(p.queue)))
	p.running, p.queue, p.bytes, p.busy = running, nil, 0, false
}

func (p *publisher) send(ctx context.Context, client rueidis.Client, batch []outgoing) {
	cmds := make(rueidis.Commands, len(batch))
	sharded := p.slot.sharded.Load()
	for i, s := range batch {
		if sharded {
			cmds[i] = client.B().Spublish().Channel(s.channel).Message(rueidis.BinaryString(s.payload)).Build()
		} else {
			cmds[i] = client.B().Publish().Channel(s.channel).Message(rueidis.BinaryString(s.payload)).Build()
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
		p.mu.Lock()
		idle := len(p.queue) == 0 && !p.busy
		p.mu.Unlock()
		if idle {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
