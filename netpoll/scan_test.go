package netpoll

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A scan passes over connections to which time brings nothing yet. It does what looking at all of them each time does, and
// at the same time: here with the same clients on two loops, one of which is made to look at all.
func TestAScanMissesNothing(t *testing.T) {
	const begin = ^moment(0) - 3_000 // its numbers begin again meanwhile
	run := func(seed uint64, all bool) (did []string, looks int) {
		random := rand.New(rand.NewPCG(seed, 1))
		l, _ := loopOfNulls(t, 40)
		l.shared.limits.pingInterval, l.shared.limits.idleTimeout = 300*time.Millisecond, 900*time.Millisecond
		clients := slices.Clone(l.conns)
		l.at = begin
		for _, c := range clients {
			c.heard, c.mark = begin, begin
			l.isDue(c)
		}
		for step := range moment(600) {
			l.at = begin + 10*step
			for _, c := range clients {
				switch n := random.IntN(3000); {
				case c.state != stateOpen:
				case n < 80:
					c.heard = l.at
				case n == 80:
					for range pongsPerSecondMax + 1 {
						l.pinged(c, []byte("x")) // the last one is owed an answer
					}
				case n < 90 && step > 500:
					l.move(c, stateParting)
				}
			}
			for i, c := range l.conns {
				if all {
					l.due[i] = l.at
				}
				if c.state == stateOpen && !l.at.before(l.due[i]) {
					looks++
				}
			}
			l.now, l.scanned = l.now.Add(l.shared.limits.scanPeriod), 0
			was := make(map[*Conn]string)
			say := func(c *Conn) string { return fmt.Sprint(c.state, c.mark, c.pongs != nil && c.pongs.owed) }
			for _, c := range clients {
				was[c] = say(c)
			}
			bytes := l.counts.outboxBytes
			l.scan()
			for i, c := range clients {
				if is := say(c); is != was[c] {
					did = append(did, fmt.Sprint(step, i, is))
				}
			}
			did = append(did, fmt.Sprint(step, l.counts.outboxBytes-bytes))
		}
		return did, looks
	}
	for seed := range uint64(5) {
		want, most := run(seed, true)
		got, few := run(seed, false)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %d things happened, and %d where all are looked at", seed, len(got), len(want))
		}
		if few > most/4 {
			t.Errorf("seed %d: %d looks, and %d where all are looked at", seed, few, most)
		}
	}
}

// What is to be done at one time is done in turns that are short: no more is looked at in one tick, and nothing is forgotten.
func TestAScanOfManyIsShort(t *testing.T) {
	const conns = 3*inspectionsMax + 1
	l, _ := loopOfNulls(t, conns)
	l.shared.limits.pingInterval, l.shared.limits.idleTimeout = time.Minute, 3*time.Minute
	l.at = moment(time.Minute/time.Millisecond) + 1
	for ticks, left := 1, conns; left > 0; ticks++ {
		l.now = l.now.Add(l.shared.limits.scanPeriod)
		l.scan()
		pinged := 0
		for _, c := range l.conns {
			if c.mark == l.at {
				pinged++
			}
		}
		if done := conns - left; pinged-done > inspectionsMax || pinged == done {
			t.Fatalf("tick %d pings %d clients", ticks, pinged-done)
		}
		left = conns - pinged
		if (l.unscanned > 0) != (left > 0) {
			t.Fatalf("%d clients are left, and the loop is to look at %d soon", left, l.unscanned)
		}
	}
}
