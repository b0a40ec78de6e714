package demo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestPage shares one browser; each test has tabs with a profile of their own,
// and a server of its own.
func TestPage(t *testing.T) {
	c := sharedChromium(t)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c *chromium)
	}{
		{"two people chat side by side", testSideBySide},
		{"two people chat on pages of their own", testOwnPages},
		{"the keyboard alone is enough", testKeyboardOnly},
		{"markup is shown as text", testMarkupIsText},
		{"a message the server refuses can be tried again or discarded", testRefusedMessage},
		{"what is refused for now is sent again", testRefusedForNow},
		{"an edit goes out until it is stored, whoever reacts meanwhile", testEditBesideReactions},
		{"what is refused for good says so", testRefusedForGood},
		{"what the outbox does not take stays where it was written", testOutboxFull},
		{"standard messaging sends again, too", testRefusedByREST},
		{"messages are deleted by who may", testDelete},
		{"people react, and it shows who", testReactions},
		{"own reactions are known whatever another device does", testReactionsOfAnotherDevice},
		{"the newest own message says who has read it", testReadBy},
		{"one WebSocket tells what is unread in all trips", testUnread},
		{"what is unread moves nothing", testUnreadMovesNothing},
		{"who is here is a number, and a list", testHere},
		{"messages are pinned and address people", testPinsAndMentions},
		{"photos are chosen, pasted and dropped", testPhotos},
		{"photos on a phone", testPhotosOnAPhone},
		{"the server drains while people write", testServerDrains},
		{"a long room opens at its end", testOpensAtItsEnd},
		{"who reads older messages stays there", testStaysWhereItReads},
		{"10,000 messages", testLongRoom},
		{"nothing shifts", testNothingShifts},
		{"a line and the title say what is unread", testUnreadLine},
		{"rooms are opened from a list", testRoomList},
		{"a room that is left ends what was under way", testRoomLeft},
		{"the address names every trip", testAddresses},
		{"a room opens at what is unread", testOpensAtUnread},
		{"the page says that it cannot be loaded", testConfigFails},
		{"what was written survives a reload", testWrittenIsKept},
		{"a room that is not known yet", testLoading},
		{"older messages are loaded, and a reply leads to its original", testOlderMessages},
		{"the server is killed and comes back", testServerKilled},
		{"a burst beyond the rate limit arrives in order", testBurst},
		{"a long absence is caught up with", testLongAbsence},
		{"the room begins anew", testRoomBeginsAnew},
		{"a frame is lost on the way", testLostFrame},
		{"WebSockets are blocked", testSocketsBlocked},
		{"WebSockets work again", testSocketsUnblocked},
		{"a token is refused", testTokenRefused},
		{"the trip is closed to the user", testTripForbidden},
		{"a phone", testPhone},
		{"the narrowest window", testNarrowestWindow},
		{"texts have contrast by day and night", testContrast},
		{"a screen reader finds its way", testScreenReader},
		{"the admin port shows what a node does", testLivePage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, c)
		})
	}
}

// pane is one user's half of a page.
type pane struct {
	*page
	in string // the selector of its element
}

// pane is the Nth pane of the page, from 1.
func (p *page) pane(n int) pane {
	return pane{p, fmt.Sprintf("section.pane:nth-of-type(%d)", n)}
}

// both are the panes of a page side by side, connected.
func (p *page) both() (pane, pane) {
	p.t.Helper()
	a, b := p.pane(1), p.pane(2)
	a.waitForPhase("live")
	b.waitForPhase("live")
	return a, b
}

// is selects something in the pane.
func (p pane) is(selector string) string { return p.in + " " + selector }

// js is a JavaScript expression for what the selector finds in the pane.
func (p pane) js(selector string) string {
	return fmt.Sprintf("document.querySelector(%q)", p.is(selector))
}

func (p pane) waitForPhase(phase string) {
	p.t.Helper()
	p.waitFor(fmt.Sprintf("document.querySelector(%q).dataset.phase === %q", p.in, phase))
}

// say writes a text and sends it, as people do.
func (p pane) say(text string) {
	p.t.Helper()
	p.click(p.is(".composer textarea"))
	p.insert(text)
	p.press("Enter")
}

// sayAll sends texts faster than anybody writes.
func (p pane) sayAll(texts []string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => {
		const form = %s;
		for (const text of %s) {
			form.querySelector('textarea').value = text;
			form.requestSubmit();
		}
	})()`, p.js(".composer"), quote(texts)), nil)
}

// contents are the texts of the pane's messages, from the oldest on.
func (p pane) contents() []string {
	p.t.Helper()
	var contents []string
	p.eval(fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.textContent)", p.is(".content")), &contents)
	return contents
}

// allContents are the texts of all messages of the room: what is not in the document is scrolled to, and what
// is not loaded is loaded by that.
func (p pane) allContents() []string {
	p.t.Helper()
	var contents []string
	p.eval(fmt.Sprintf(`(async () => {
		const pane = document.querySelector(%q), scroller = pane.querySelector('.scroller');
		const frame = () => %s;
		scroller.scrollTop = 0;
		for (await frame(); !pane.querySelector('.older button').hidden; await frame()) scroller.scrollTop = 0;
		const all = new Map();
		for (let down = false; !down; scroller.scrollTop += 400) {
			await frame();
			for (const row of pane.querySelectorAll('.entry')) all.set(row.dataset.key, row.querySelector('.content').textContent);
			down = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 1;
		}
		return [...all.values()];
	})()`, p.in, lastFrame), &contents)
	return contents
}

// waitForAll is waitForContents of a room that is longer than what is in the document.
func (p pane) waitForAll(want []string) {
	p.t.Helper()
	var got []string
	for begun := time.Now(); !slices.Equal(got, want); pause(begun) {
		if time.Since(begun) > waitTimeout {
			p.t.Fatalf("%s has\n%q\nwant\n%q", p.in, got, want)
		}
		got = p.allContents()
	}
	p.waitFor(fmt.Sprintf("!document.querySelector(%q)", p.is(".pending")))
}

// waitForContents waits until the pane shows exactly these texts, all acknowledged.
func (p pane) waitForContents(want ...string) {
	p.t.Helper()
	shown := fmt.Sprintf("((is, want) => is.length === want.length && is.every((text, i) => text === want[i]))([...document.querySelectorAll(%q)].map(e => e.textContent), %s)",
		p.is(".content"), quote(append([]string{}, want...)))
	if !p.comesTrue(shown) {
		p.t.Fatalf("%s shows\n%q\nwant\n%q", p.in, p.contents(), want)
	}
	p.waitFor(fmt.Sprintf("!document.querySelector(%q)", p.is(".pending")))
}
