package netpoll

import (
	"testing"
	"time"
)

func TestWhatComesForTheSameConnectionsGathers(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name        string
		took, later time.Duration
		same        int // of the connections that were written last, how many are written again
		want        bool
	}{
		{"at once", 4 * ms, 0, 3, true},
		{"most of them", 4 * ms, ms, 2, true},
		{"half of the time later", 4 * ms, 2 * ms, 3, false},
		{"other connections", 4 * ms, 0, 1, false},
		{"a flush that was short", ms / 2, 0, 3, false},
		{"a flush that was very long", time.Second, gatherMax - 1, 3, true},
		{"a very long one, later", time.Second, gatherMax, 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, topic := loopOfNulls(t, 100)
			l.readClock()
			l.flushed = flushed{ended: l.now.Add(-c.later), took: c.took}
			for i := range l.flushed.some {
				l.flushed.some[i] = &Conn{}
				if i < c.same {
					l.flushed.some[i] = topic.members[i]
				}
			}
			topic.Send(NewPayload([]byte("x")))
			if got := l.gathers(); got != c.want || l.gathering != c.want {
				t.Errorf("%v; a later flush is asked for: %v", got, l.gathering)
			}
			l.flushTimer.Stop()
		})
	}
}

// What gathers leaves all the same, and nothing more need come for that.
func TestWhatGathersLeaves(t *testing.T) {
	var room Topic
	s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) { room.Add(c) }}})
	c := dial(t, s)
	l := s.Loops()[0]
	for range 3 {
		onLoop(t, l, func() {
			c := room.members[0]
			l.flushed = flushed{ended: time.Now(), took: time.Second, some: [3]*Conn{c, c, c}}
			c.SendText([]byte("x"))
		})
		c.expect("x")
	}
}
