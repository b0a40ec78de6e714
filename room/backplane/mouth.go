package backplane

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// mouth sends notices: a bounded queue, and the connector's goroutine, which
// puts what waits into one pipeline. What cannot be sent is dropped and counted:
// other nodes read it from the database.
type mouth struct {
	b *Backplane

	mu    sync.Mutex
	queue []saying
	bytes int
	wake  chan struct{}
	busy  bool // something taken from the queue is being sent
}

type saying struct {
	channel string
	payload []byte
}

func newMouth(b *Backplane) *mouth {
	return &mouth{b: b, wake: make(chan struct{}, 1)}
}

// say puts a notice into the queue if fewer than max wait there.
func (m *mouth) say(channel string, payload []byte, max int) {
	m.mu.Lock()
	if len(m.queue) >= max || m.bytes+len(payload) > noticeBytesMax {
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

func (m *mouth) take() []saying {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(m.queue), pipelineMax)
	batch := append([]saying(nil), m.queue[:n]...)
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
func (m *mouth) run(ctx context.Context) {
	client := *m.b.client.Load()
	for {
		batch := m.take()
		if len(batch) == 0 {
			select {
			case <-m.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		m.send(ctx, client, batch)
	}
}

func (m *mouth) send(ctx context.Context, client rueidis.Client, batch []saying) {
	cmds := make(rueidis.Commands, len(batch))
	for i, s := range batch {
		if m.b.sharded.Load() {
			cmds[i] = client.B().Spublish().Channel(s.channel).Message(rueidis.BinaryString(s.payload)).Build()
		} else {
			cmds[i] = client.B().Publish().Channel(s.channel).Message(rueidis.BinaryString(s.payload)).Build()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	for _, result := range client.DoMulti(ctx, cmds...) {
		if result.Error() != nil {
			m.b.stats.publishErrors.Add(1)
		} else {
			m.b.stats.published.Add(1)
		}
	}
}

// flush waits until everything is sent, or the time is up.
func (m *mouth) flush(timeout time.Duration) {
	deadline := time.Now().Add(timeout)
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
