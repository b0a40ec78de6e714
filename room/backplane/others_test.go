package backplane

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

func TestLimitsOfOthersFitTogether(t *testing.T) {
	if unheardAfter <= meetEvery+liveFor {
		t.Error("a node that dies is missed before it is forgotten")
	}
	if liveFor <= meetEvery || meetTimeout >= meetEvery {
		t.Error("a node that lives is forgotten")
	}
}

// neighbours are nodes that note nothing but that they live.
func neighbours(ids ...uuid.UUID) (all []room.Neighbour) {
	for _, id := range ids {
		all = append(all, room.Neighbour{ID: id, Carried: true})
	}
	return all
}

// TestWhoLivesIsHeard plays a minute of two other nodes, seen each five seconds.
func TestWhoLivesIsHeard(t *testing.T) {
	const slots = 2
	me, a, b := uuid.New(), uuid.New(), uuid.New()
	both := func(int) []uuid.UUID { return []uuid.UUID{a, b} }
	always := func(int) bool { return true }
	for name, c := range map[string]struct {
		lives func(second int) []uuid.UUID // as the database says
		beats func(second int) bool        // b is heard in slot 1; all else always is
		since func(second int) int         // own heartbeats have come back since then
		want  func(second int) int         // how many are not heard
	}{
		"all is well":                  {lives: both, beats: always},
		"alone":                        {lives: func(int) []uuid.UUID { return nil }, beats: always},
		"b uses another server":        {lives: both, beats: func(int) bool { return false }, want: func(s int) int { return count(s > 15) }},
		"b goes to another server":     {lives: both, beats: func(s int) bool { return s < 20 }, want: func(s int) int { return count(s > 30) }},
		"b comes back":                 {lives: both, beats: func(s int) bool { return s >= 40 }, want: func(s int) int { return count(s > 15 && s < 40) }},
		"b dies":                       {beats: func(s int) bool { return s <= 20 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s > 20+8)] }},
		"b starts":                     {beats: func(s int) bool { return s >= 25 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s < 20)] }},
		"b is cut off from Redis":      {beats: func(s int) bool { return s < 20 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s > 25)] }},
		"one heartbeat of b in two":    {lives: both, beats: func(s int) bool { return s%10 == 0 }},
		"this node was cut from Redis": {lives: both, beats: func(s int) bool { return s < 10 || s > 40 }, since: func(s int) int { return min(s, 40) }},
	} {
		t.Run(name, func(t *testing.T) {
			var o others
			for s := 5; s <= 60; s += 5 {
				now := time.Duration(s) * time.Second
				since := time.Duration(0)
				if c.since != nil {
					since = time.Duration(c.since(s)) * time.Second
				}
				o.heard(a, 0, uint64(now), now)
				o.heard(a, 1, uint64(now), now)
				o.heard(b, 0, uint64(now), now)
				if c.beats(s) {
					o.heard(b, 1, uint64(now), now)
				}
				o.look(neighbours(append([]uuid.UUID{me}, c.lives(s)...)...), me, slots, since, now)
				want := 0
				if c.want != nil {
					want = c.want(s)
				}
				got, apart := o.state()
				if got != want && (s > 20 || want == 0) { // the first look is when b is met
					t.Errorf("after %d s %d are not heard, want %d", s, got, want)
				}
				if apart {
					t.Errorf("after %d s it is apart from one node", s)
				}
			}
		})
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// TestThoseThatAreFewerAreApart: all nodes judge alike, from what each of them hears.
func TestThoseThatAreFewerAreApart(t *testing.T) {
	for name, c := range map[string]struct {
		server string // of Redis, of each node; the one that has been running longest first
		apart  string // those on this one
	}{
		"one":                      {"a", ""},
		"two":                      {"aa", ""},
		"two, apart":               {"ab", "b"},
		"three and one":            {"aaab", "b"},
		"three and the oldest":     {"baaa", "b"},
		"two and one":              {"aba", "b"},
		"two and two":              {"abab", "b"},
		"two and the older two":    {"bbaa", "a"},
		"three and two":            {"bbaaa", "b"},
		"two, two and one":         {"aabbc", "abc"}, // the greater part of all is with nobody
		"three, one and one":       {"baaac", "bc"},
		"each one alone":           {"abc", "abc"},
		"forty and a few strays":   {"bcd" + string(slices.Repeat([]byte("a"), 40)) + "ef", "bcdef"},
		"a stray after all others": {string(slices.Repeat([]byte("a"), 40)) + "b", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			ids := make([]uuid.UUID, len(c.server))
			for i := range ids {
				ids[i] = uuid.New()
			}
			for i, me := range ids {
				var o others
				for s := 5 * time.Second; s <= 30*time.Second; s += 5 * time.Second {
					for j, other := range ids {
						if c.server[j] == c.server[i] {
							o.heard(other, 0, uint64(s), s)
						}
					}
					o.look(neighbours(ids...), me, 1, 0, s)
				}
				want := false
				for _, apart := range c.apart {
					want = want || byte(apart) == c.server[i]
				}
				if _, apart := o.state(); apart != want {
					t.Errorf("number %d, which uses server %c, is apart: %v", i, c.server[i], apart)
				}
			}
		})
	}
}

// TestWhoStrayedGoes: the others are as before, and so is it alone.
func TestWhoStrayedGoes(t *testing.T) {
	var o others
	me, stray := uuid.New(), uuid.New()
	look := func(s time.Duration, live ...uuid.UUID) (int, bool) {
		o.look(neighbours(live...), me, 1, 0, s*time.Second)
		return o.state()
	}
	look(1, stray, me)
	if unheard, apart := look(20, stray, me); unheard != 1 || !apart {
		t.Errorf("%d, %v", unheard, apart)
	}
	if unheard, apart := look(30, me); unheard != 0 || apart {
		t.Errorf("%d, %v", unheard, apart)
	}
}

// TestARepeatedHeartbeatIsNotHeard: somebody else may have kept it.
func TestARepeatedHeartbeatIsNotHeard(t *testing.T) {
	for name, up := range map[string]time.Duration{"a build before": 0, "a node that tells how long it has been running": time.Hour} {
		t.Run(name, func(t *testing.T) {
			var o others
			node := room.Neighbour{ID: uuid.New(), Carried: true}
			look := func(s time.Duration) {
				if up > 0 {
					node.Up = up + s
				}
				o.look([]room.Neighbour{node}, uuid.UUID{}, 1, 0, s)
			}
			look(time.Second)
			o.heard(node.ID, 0, uint64(up+2*time.Second), 2*time.Second)
			for s := 3 * time.Second; s < 30*time.Second; s += time.Second {
				o.heard(node.ID, 0, uint64(up+2*time.Second), s)
				look(s)
			}
			if unheard, _ := o.state(); unheard != 1 {
				t.Error("what was repeated counts")
			}
		})
	}
}

// TestKeptHeartbeatsAreNotHeard: a node that starts has heard none of them, but the other one tells
// in the database how long it has been running.
func TestKeptHeartbeatsAreNotHeard(t *testing.T) {
	var o others
	node := room.Neighbour{ID: uuid.New(), Carried: true}
	for s := 1 * time.Second; s < 40*time.Second; s += time.Second {
		node.Up = time.Hour + s
		o.look([]room.Neighbour{node}, uuid.UUID{}, 1, 0, s)
		o.heard(node.ID, 0, uint64(time.Hour/2+s), s) // of half an hour ago, each once
	}
	if unheard, _ := o.state(); unheard != 1 {
		t.Error("what was kept counts")
	}
	for s := 40 * time.Second; s < 60*time.Second; s += time.Second {
		node.Up = time.Hour + s
		o.heard(node.ID, 0, uint64(time.Hour+s-unheardAfter/2), s) // Redis is slow
		o.look([]room.Neighbour{node}, uuid.UUID{}, 1, 0, s)
	}
	if unheard, _ := o.state(); unheard != 0 {
		t.Error("what comes late does not count")
	}
}

// TestAnotherServerIsLookedFor at once, and then each half minute by a node that is apart. One
// that is not does so more and more rarely, also where those that are not heard come and go.
func TestAnotherServerIsLookedFor(t *testing.T) {
	for _, apart := range []bool{true, false} {
		var at []int
		o := others{unheard: 1, apart: apart}
		for s := 20; s <= 3600; s += 5 {
			if o.unheard = count(s%60 >= 15); o.retry(time.Duration(s) * time.Second) {
				at = append(at, s)
			}
		}
		if n := len(at); apart && (n < 60 || at[0] != 20) || !apart && (n < 6 || n > 12 || at[0] != 20) {
			t.Errorf("apart %v: looked for after %v seconds", apart, at)
		}
	}
}

// TestTheLogNamesWhoIsNotHeard, each once, a line a minute; and one again while it lasts.
func TestTheLogNamesWhoIsNotHeard(t *testing.T) {
	var o others
	var live []room.Neighbour
	for range 4 {
		live = append(live, room.Neighbour{ID: uuid.New(), Name: "stray", Carried: true})
	}
	var minutes []int
	named := map[uuid.UUID]int{}
	for s := range 3600 {
		now := time.Duration(s) * time.Second
		if s%5 == 0 {
			o.look(live, uuid.UUID{}, 1, 0, now)
		}
		if one, nodes := o.tell(now); one != nil {
			if named[one.ID]++; one.Name != "stray" || nodes != 4 {
				t.Errorf("%+v of %d", one, nodes)
			}
			minutes = append(minutes, s/60)
		}
	}
	if len(named) != 4 || !slices.Equal(minutes, []int{0, 1, 2, 3, 13, 23, 33, 43, 53}) {
		t.Errorf("%d nodes are named, in the minutes %v", len(named), minutes)
	}
}

// TestWhatGoesOnFailingIsTold at first, now and then, and when it is over.
func TestWhatGoesOnFailingIsTold(t *testing.T) {
	var f failing
	why := errors.New("no rights")
	var told []int
	for s := 5; s <= 3600; s += 5 {
		err := why
		if s == 1500 || s > 3000 {
			err = nil
		}
		if tell, failures, lasted := f.is(err, time.Duration(s)*time.Second); tell {
			if failures == 0 || lasted > 1500*time.Second {
				t.Errorf("%d failures in %v", failures, lasted)
			}
			told = append(told, s)
		}
	}
	if want := []int{5, 605, 1205, 1500, 1505, 2105, 2705, 3005}; !slices.Equal(told, want) {
		t.Errorf("told after %v seconds", told)
	}
}

// TestADoubtIsToldAgain after it was gone, or another primary has taken over.
func TestADoubtIsToldAgain(t *testing.T) {
	var d doubted
	now := time.Now()
	for i, c := range []struct {
		why   error
		on    room.Timeline
		after time.Duration
		told  bool
	}{
		{errOldTimeline, 2, 0, true},
		{errOldTimeline, 2, doubtedAgain / 2, false},
		{errOldTimeline, 2, doubtedAgain / 2, false}, // it goes on
		{errForged, 2, 0, true},
		{errOldTimeline, 2, doubtedAgain, true},
		{errOldTimeline, 2, 0, false},
		{errOldTimeline, 3, time.Second, true},
		{errForged, 3, doubtedAgain, true},
	} {
		if now = now.Add(c.after); d.first(c.why, c.on, now) != c.told {
			t.Errorf("number %d: told %v", i, !c.told)
		}
	}
}
