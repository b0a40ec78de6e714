package demo_test

import (
	"encoding/json"
	"flag"
	"slices"
	"strconv"
	"testing"
	"time"
)

// sleepFor is longer than a page's tokens last then.
var sleepFor = flag.Duration("sleep-for", 6*time.Second, "how long a browser with pages of the library is stopped, as a laptop sleeps: 1m, 10m")

// sleeper is a page of the library in a browser that sleeps.
type sleeper struct {
	*library
	page   *page
	before int // messages that the room had
	want   []string
}

func openSleeper(t *testing.T, c *chromium) *sleeper {
	t.Helper()
	l := startLibrary(t)
	l.keeps = true
	p := openPageOnce(t, c, l.http.URL+"/page?trip="+l.setup.Trips[0].ID.String(), desktop, "window.chat?.room.state.phase === 'live'")
	return &sleeper{library: l, page: p, before: len(l.stored())}
}

func (s *sleeper) send(text string) { s.page.eval("void chat.room.send("+quote(text)+")", nil) }

// expectAll waits until the page shows what the room has, each message once, and nothing waits in its outbox.
func (s *sleeper) expectAll(want ...string) {
	s.t.Helper()
	s.want = append(s.want, want...)
	list, err := json.Marshal(s.want)
	if err != nil {
		s.t.Fatal(err)
	}
	s.page.waitFor("chat.room.outbox.length === 0 && JSON.stringify(chat.room.messages.slice(" + strconv.Itoa(s.before) + ").map((m) => m.content)) === " + quote(string(list)))
	if got := s.stored()[s.before:]; !slices.Equal(got, s.want) {
		s.t.Errorf("stored are %q, want %q", got, s.want)
	}
	s.page.expect("new Set(chat.told).size === chat.told.length", "true")
}

// A laptop sleeps with two pages: one is connected, and the other one has written something without a network. Meanwhile their
// tokens end, their servers are killed and started again, and others write.
func TestPagesOfTheLibrarySleep(t *testing.T) {
	t.Parallel()
	c := startChromium(t)
	connected, apart := openSleeper(t, c), openSleeper(t, c)
	both := []*sleeper{connected, apart}
	for _, s := range both {
		s.send("before")
		s.expectAll("before")
	}
	apart.away(true)
	apart.send("unsent, one")
	apart.send("unsent, two")
	apart.page.waitFor("JSON.stringify(localStorage).includes('unsent, two')")

	asleep := time.Now()
	wake := c.sleep(t)
	var others []string
	for i := range 60 {
		others = append(others, "while it slept "+strconv.Itoa(i))
	}
	for _, s := range both {
		s.kill()
		s.start()
		for _, text := range others {
			s.post(2, s.tokenOf(1), text, "")
		}
	}
	apart.away(false)
	time.Sleep(time.Until(asleep.Add(*sleepFor)))
	fresh := []int64{connected.fresh.Load(), apart.fresh.Load()}
	wake()
	woke := time.Now()
	connected.expectAll(others...)
	apart.expectAll(append(others, "unsent, one", "unsent, two")...)
	t.Logf("after %v of sleep all was there within %v", woke.Sub(asleep).Round(time.Second), time.Since(woke).Round(100*time.Millisecond))
	for i, s := range both {
		if s.fresh.Load() == fresh[i] {
			t.Error("a page went on with a token that ended while it slept")
		}
		s.send("after")
		s.expectAll("after")
		s.page.expectNoTrouble(socketFailed, loadFailed)
	}
}
