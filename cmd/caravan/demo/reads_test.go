package demo_test

import "testing"

// testReadBy: the newest own message says who has read it, once they have had it before their
// eyes, and not while they were elsewhere in the room.
func testReadBy(t *testing.T, c *chromium) {
	s := startServer(t)
	s.postMany(2, "Before ", 60)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	for _, q := range []pane{one, two} {
		q.waitForPhase("live")
	}
	one.say("Who has the map?")
	readers := func(p pane, entry string) string { return p.js(entry+" .readers") + ".textContent" }
	p.waitFor(readers(one, ".entry:last-child") + " === 'Read by Jonas'")
	p.expect(readers(two, ".entry:last-child"), "")

	// Jonas reads what was before: what is new is not read.
	p.eval(two.js(".scroller")+".scrollTop = 0", nil)
	p.eval(lastFrame, nil)
	one.say("And the key?")
	p.waitFor(two.js(".entry:last-child .content") + ".textContent === 'And the key?'")
	p.expect(readers(one, ".entry:last-child"), "")
	p.waitFor("!" + two.js(".latest") + ".hidden")
	p.click(two.is(".latest"))
	p.waitFor(readers(one, ".entry:last-child") + " === 'Read by Jonas'")
	p.waitFor(readers(one, ".entry:nth-last-child(2)") + " === ''")
	p.expectNoTrouble()
}
