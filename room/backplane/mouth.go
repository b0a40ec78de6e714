package backplane

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// mouth sends the notices of a slot: a bounded queue, and a goroutine, which puts
// what waits into one pipeline. What cannot be sent is dropped and counted:
// other nodes read it from the database.
type mouth struct {
	b    *Backplane
	slot *slot

	mu      sync.Mutex
	running bool // there is a client to send with
	queue   []saying
	bytes   int
	busy    bool // something taken from the queue is being sent
	wake    chan struct{}
}

type saying struct {
	channel string
	payload []byte
}

func newMouth(b *Backplane, s *slot) *mouth {
	return &mouth{b: b, slot: s, wake: make(chan struct{}, 1)}
}

// open says whether there is a client to send with. Without one what would be
// said is counted as dropped: nobody wants old notices once Redis is there.
func (m *mouth) open() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		m.b.stats.dropped.Add(1)
	}
	return m.running
}

// say puts a notice into the queue if fewer than max wait there.
func (m *mouth) say(channel string, payload []byte, max int) {
	m.mu.Lock()
	if !m.running || len(m.queue) >= max || m.bytes+len(payload) > noticeBytesMax {
		m.mu.Unlock()
		m.b.stats.dropped.Add(1)
		return
	}
	m.queue = append(m.queue, saying{channel, payload})
	m.bytes += len(payload)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take moves what waits into batch, which it returns, at most one pipeline.
func (m *mouth) take(batch []saying) []saying {
	clear(batch)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(m.queue), pipelineMax)
	batch = append(batch[:0], m.queue[:n]...)
	rest := copy(m.queue, m.queue[n:])
	clear(m.queue[rest:])
	m.queue = m.queue[:rest]
	for _, s := range batch {
		m.bytes -= len(s.payload)
	}
	m.busy = n > 0
	return batch
}

// run sends until ctx ends.
func (m *mouth) run(ctx context.Context, client rueidis.Client) {
	m.setRunning(true)
	defer m.setRunning(false)
	var batch []saying
	for {
		if batch = m.take(batch); len(batch) > 0 {
			m.send(ctx, client, batch)
			continue
		}
		select {
		case <-m.wake:
		case <-ctx.Done():
			return
		}
	}
}

// setRunning opens the mouth, or shuts it and forgets what was not said.
func (m *mouth) setRunning(running bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b.stats.dropped.Add(int64(len(m.queue)))
	m.running, m.queue, m.bytes, m.busy = running, nil, 0, false
}

func (m *mouth) send(ctx context.Context, client rueidis.Client, batch []saying) {
	cmds := make(rueidis.Commands, len(batch))
	sharded := m.slot.sharded.Load()
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
			m.b.trouble.is(cause("publish", withoutArguments(err)))
			m.b.stats.publishErrors.Add(1)
		} else {
			m.b.stats.published.Add(1)
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
func (m *mouth) flush(deadline time.Time) {
	for time.Now().Before(deadline) {
		m.mu.Lock()
		idle := len(m.queue) == 0 && !m.busy
		m.mu.Unlock()
		if idle {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
