package demo_test

import (
	"fmt"
	"testing"
)

// more opens the menu of a message, and chooses from it.
func (p pane) more(entry string, choices ...string) {
	p.t.Helper()
	p.click(p.is(entry + " .more"))
	for _, choice := range choices {
		p.click(p.is(".menu " + choice))
	}
}

func testDelete(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.say("The plan is secret")
	two.waitForContents("The plan is secret")
	p.click(two.is(".entry:first-child .reply"))
	p.insert("Which plan?")
	p.press("Enter")
	one.waitForContents("The plan is secret", "Which plan?")

	// It is asked for twice, and then it is gone, also where it is quoted.
	one.more(".entry:first-child", ".delete")
	p.expect(one.js(".menu .delete span")+".textContent", "Delete for everybody?")
	one.waitForContents("The plan is secret", "Which plan?")
	p.click(one.is(".menu .delete"))
	const gone = "This message was deleted"
	one.waitForContents(gone, "Which plan?")
	two.waitForContents(gone, "Which plan?")
	for _, q := range []pane{one, two} {
		p.waitFor(q.js(".entry:last-child .quote-text") + ".textContent === " + quote(gone))
		p.waitFor(q.js(".deleted .more") + ".hidden && " + q.js(".deleted .reply") + ".hidden && " + q.js(".deleted .edit") + ".hidden")
	}
	p.expect("document.body.innerText.includes('secret')", "false")

	// The owner deletes what others wrote; who is a member cannot.
	one.more(".entry:last-child", ".delete", ".delete")
	two.waitForContents(gone, gone)
	one.say("Mine")
	two.waitForContents(gone, gone, "Mine")
	two.more(".entry:last-child")
	p.expect(two.js(".menu .delete")+".checkVisibility()", "false")
	p.expect(two.js(".menu .pin")+".checkVisibility()", "true")
	p.press("Escape")
	p.expectNoTrouble()
}

func testReactions(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.say("Shall we?")
	two.waitForContents("Shall we?")
	chips := func(p pane) string {
		return fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.textContent + (e.ariaPressed === 'true' ? '!' : '')).join(' ')", p.is(".chip"))
	}
	two.more(".entry:first-child", ".picker button:first-child")
	p.waitFor(chips(two) + " === '👍 1!'")
	p.waitFor(chips(one) + " === '👍 1'")
	p.click(one.is(".chip"))
	p.waitFor(chips(one) + " === '👍 2!'")
	p.waitFor(chips(two) + " === '👍 2!'")
	one.more(".entry:first-child", ".picker button:nth-child(2)")
	p.waitFor(chips(two) + " === '👍 2! ❤️ 1'")

	p.click(two.is(".who-reacted"))
	p.waitFor(two.js("dialog") + ".open")
	for i, want := range []string{s.setup.Users[1].Name + "👍", s.setup.Users[0].Name + "👍", s.setup.Users[0].Name + "❤️"} {
		p.waitFor(fmt.Sprintf("%s?.textContent === %s", two.js(fmt.Sprintf("dialog li:nth-child(%d)", i+1)), quote(want)))
	}
	p.click(two.is("dialog form button"))
	p.click(two.is(".chip"))
	p.waitFor(chips(one) + " === '👍 1! ❤️ 1!'")
	p.waitFor(chips(two) + " === '👍 1 ❤️ 1'")

	// Whose they are is known again after a reload.
	p.call("Page.reload", nil, nil)
	p.waitFor("document.readyState === 'complete' && document.querySelectorAll('.chip').length === 4")
	p.expect(chips(one), "👍 1! ❤️ 1!")
	p.expect(chips(two), "👍 1 ❤️ 1")
	p.expectNoTrouble()
}

// testReactionsOfAnotherDevice: a reaction that was taken back elsewhere is chosen anew by one press,
// over a WebSocket and over REST, on new messages and on older ones.
func testReactionsOfAnotherDevice(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	first := s.post(1, s.token(1), "Shall we?", "").ID
	s.react(1, first, "👍", true)
	s.postMany(2, "Later ", 60)
	pressed := func(p pane) string { return p.js(".picker button:first-child") + ".ariaPressed" }
	for _, blocked := range []bool{false, true} {
		g.blockSockets.Store(blocked)
		p := openPage(t, c, g.url("/?user=1"), desktop)
		one := p.pane(1)
		one.waitForPhase(map[bool]string{false: "live", true: "standard"}[blocked])
		s.react(1, first, "👍", true)
		p.eval(one.js(".scroller")+".scrollTop = 0", nil)
		p.waitFor(one.js(".older button") + ".hidden")
		p.eval(one.js(".scroller")+".scrollTop = 0", nil)
		p.waitFor(one.js(".entry:first-child .chip") + "?.ariaPressed === 'true'")
		s.react(1, first, "👍", false)
		p.waitFor("!" + one.js(".entry:first-child .chip"))
		one.more(".entry:first-child")
		p.expect(pressed(one), "false")
		p.click(one.is(".menu .picker button:first-child"))
		p.waitFor(one.js(".entry:first-child .chip") + "?.ariaPressed === 'true'")
		if blocked {
			p.expectNoTrouble(socketFailed)
		} else {
			p.expectNoTrouble()
		}
	}
}

func testPinsAndMentions(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	p.expect(one.js(".role")+".textContent", "owner")
	p.expect(two.js(".role")+".textContent", "member")
	one.say("Track 9 at ten, @Jonas!")
	two.say("@all of you, @Amina too")
	one.waitForContents("Track 9 at ten, @Jonas!", "@all of you, @Amina too")
	two.waitForContents("Track 9 at ten, @Jonas!", "@all of you, @Amina too")
	p.expect(two.js(".entry:first-child")+".classList.contains('addressed')", "true")
	p.expect(one.js(".entry:first-child")+".classList.contains('addressed')", "false")
	p.expect(two.js(".entry:first-child .mention")+".textContent", "@Jonas")
	p.expect("document.querySelectorAll("+quote(one.is(".entry:last-child .mention"))+").length", "1") // a member cannot address all

	two.more(".entry:first-child", ".pin")
	for _, q := range []pane{one, two} {
		p.waitFor("!" + q.js(".entry:first-child .pinned") + ".hidden")
		p.expect(q.js(".entry:first-child .edited")+".hidden", "true")
	}
	p.click(one.is(".pins"))
	p.waitFor(one.js("dialog li .row-text") + "?.textContent === 'Track 9 at ten, @Jonas!'")
	p.click(one.is("dialog li button"))
	p.waitFor("document.activeElement === " + one.js(".entry:first-child .message"))
	one.more(".entry:first-child", ".pin")
	p.waitFor(two.js(".entry:first-child .pinned") + ".hidden")
	p.click(two.is(".pins"))
	p.waitFor(two.js("dialog .none") + ".textContent === 'Nothing is pinned yet.'")
	p.click(two.is("dialog form button"))

	// How many answers there are shows below a message, and leads to them.
	p.click(two.is(".entry:first-child .reply"))
	p.insert("I am there")
	p.press("Enter")
	p.waitFor(one.js(".entry:first-child .replies") + ".textContent === '1 reply'")
	p.click(one.is(".entry:first-child .replies"))
	p.waitFor(one.js("dialog li .row-text") + "?.textContent === 'I am there'")
	p.click(one.is("dialog li button"))
	p.waitFor("document.activeElement === " + one.js(".entry:last-child .message"))
	p.expectNoTrouble()
}
