package netpoll

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// dozes returns how often a loop has dozed, and whether it would again.
func dozes(t testing.TB, l *Loop) (n uint64, on bool) {
	onLoop(t, l, func() { n, on = l.dozing.count, l.dozing.on })
	return n, on
}

// TestALoopThatIsCalmDozes: it keeps no processor while it waits, and hears of all that comes.
func TestALoopThatIsCalmDozes(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}})
	l := s.loops[0]
	c := dial(t, s)
	before, _ := dozes(t, l)
	const messages = 30
	for i := range messages {
		text := fmt.Sprint("message ", i)
		c.send(text)
		c.expect(text)
		time.Sleep(2 * dozeAfter)
	}
	if after, _ := dozes(t, l); after-before < messages/2 {
		t.Errorf("between %d messages it dozed %d times", messages, after-before)
	}
	await.Until(t, "it dozes between ticks, too", func() bool {
		n, on := dozes(t, l)
		time.Sleep(2 * dozeAfter)
		return on && n > before+messages
	})
	dial(t, s) // somebody comes while it is dozed
}

// TestALoopThatIsBusyDoesNotDoze: that would cost it more with each message.
func TestALoopThatIsBusyDoesNotDoze(t *testing.T) {
	l := newLoop(&shared{}, nil, 0)
	l.dozing.on = true
	for range shortDozes - 1 {
		l.dozing.came(true, time.Hour)
	}
	l.dozing.came(false, dozeAfter)
	for range shortDozes - 1 {
		l.dozing.came(false, dozeAfter-1)
	}
	if !l.dozing.on || l.dozing.count != shortDozes {
		t.Errorf("it dozed %d times, and would: %v", l.dozing.count, l.dozing.on)
	}
	l.dozing.came(true, 0)
	if l.dozing.on {
		t.Error("it dozes though something comes at once")
	}
}

// TestNoWakeIsLostWhileALoopDozes has mail and messages come at all distances from one another, so that some
// come while the loop is about to doze.
func TestNoWakeIsLostWhileALoopDozes(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}})
	l := s.loops[0]
	c := dial(t, s)
	var posting sync.WaitGroup
	for range 3 {
		posting.Go(func() {
			for range 100 {
				time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
				done := make(chan struct{})
				l.Post(func() { close(done) })
				select {
				case <-done:
				case <-time.After(await.Limit):
					t.Error("mail was not read")
					return
				}
			}
		})
	}
	for i := range 100 {
		text := fmt.Sprint("message ", i)
		c.send(text)
		c.expect(text)
		time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
	}
	posting.Wait()
	if n, _ := dozes(t, l); n == 0 {
		t.Error("it never dozed")
	}
}
