package demo_test

import (
	"strings"
	"testing"
)

func testSideBySide(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	p.expect("document.title", s.setup.Trips[0].Title+" · Caravan")
	p.expect(one.js("h2")+".textContent", "You are "+s.setup.Users[0].Name)
	p.expect(one.js(".empty")+".hidden", "false")

	one.say("  The tickets are booked.\n")
	two.waitForContents("The tickets are booked.")
	one.waitForContents("The tickets are booked.")
	p.expect(two.js(".sender")+".textContent", s.setup.Users[0].Name)
	p.expect(one.js(".sender")+".textContent", "You")
	p.expect(one.js(".entry")+".classList.contains('mine')", "true")
	p.expect(two.js(".entry")+".classList.contains('mine')", "false")
	p.expect(two.js(".day")+".textContent", "Today")
	p.expect("/\\d{2}:\\d{2}/.test("+two.js("time")+".textContent)", "true")
	p.expect(one.js(".empty")+".hidden", "true")

	// Typing is seen by the other one, until the text is sent.
	p.click(two.is(".composer textarea"))
	p.insert("Do we")
	p.waitFor(one.js(".typing") + ".textContent === " + quote(s.setup.Users[1].Name+" is typing…"))
	p.expect(two.js(".typing")+".textContent", "")
	p.insert(" have a window?")
	p.press("Enter")
	one.waitForContents("The tickets are booked.", "Do we have a window?")
	p.waitFor(one.js(".typing") + ".textContent === ''")

	// It also ends by itself.
	p.insert("Never mind")
	p.waitFor(one.js(".typing") + ".textContent !== ''")
	p.waitFor(one.js(".typing") + ".textContent === ''")
	p.press("shift+Home")
	p.press("Backspace")

	// An edit replaces the text in both panes.
	p.click(one.is(".edit"))
	p.insert(" Two beds.")
	p.click(one.is(".save"))
	two.waitForContents("The tickets are booked. Two beds.", "Do we have a window?")
	p.waitFor("!" + two.js(".edited") + ".hidden")
	p.waitFor("!" + one.js(".edited") + ".hidden")

	// A reply quotes the original and leads to it.
	p.click(two.is(".entry:first-child .reply"))
	p.expect(two.js(".replying-text")+".textContent", "The tickets are booked. Two beds.")
	p.insert("Splendid")
	p.press("Enter")
	one.waitForContents("The tickets are booked. Two beds.", "Do we have a window?", "Splendid")
	p.expect(one.js(".entry:last-child .quote-text")+".textContent", "The tickets are booked. Two beds.")
	p.expect(one.js(".entry:last-child .quote-sender")+".textContent", s.setup.Users[0].Name)
	p.click(one.is(".entry:last-child .quote"))
	p.waitFor("document.activeElement === " + one.js(".entry:first-child .message"))

	// Right-to-left text is set as such.
	one.say("مرحبا")
	two.waitForContents("The tickets are booked. Two beds.", "Do we have a window?", "Splendid", "مرحبا")
	p.expect("getComputedStyle("+two.js(".entry:last-child .content")+").direction", "rtl")
	p.expectNoTrouble()
}

func testOwnPages(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	q := openPage(t, c, s.url("/?user=2"), phone)
	one, two := p.pane(1), q.pane(1)
	one.waitForPhase("live")
	two.waitForPhase("live")
	p.expect("document.querySelectorAll('.pane').length", "1")
	p.expect("document.querySelector('#views [aria-current]').ariaLabel", s.setup.Users[0].Name)
	q.expect("document.querySelector('#switch').hidden", "true")
	one.say("From a desk")
	two.waitForContents("From a desk")
	two.say("From a phone")
	one.waitForContents("From a desk", "From a phone")
	p.expectNoTrouble()
	q.expectNoTrouble()
}

func testKeyboardOnly(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	focused := func(selector string) string { return "document.activeElement.matches(" + quote(selector) + ")" }
	tabTo := func(selector string) {
		t.Helper()
		for range 16 {
			p.press("Tab")
			var there bool
			if p.eval(focused(selector), &there); there {
				p.expect("document.activeElement.matches(':focus-visible')", "true")
				return
			}
		}
		t.Fatalf("Tab does not lead to %s", selector)
	}

	tabTo(".composer textarea")
	p.insert("First line")
	p.press("shift+Enter")
	p.insert("second line")
	p.press("Enter")
	one.waitForContents("First line\nsecond line")
	p.expect(focused(".composer textarea"), "true")
	p.press("Enter") // nothing to send
	p.insert("Another")
	p.press("Enter")
	one.waitForContents("First line\nsecond line", "Another")

	// The up arrow edits the last own message; Escape leaves it as it was.
	p.press("ArrowUp")
	p.waitFor(focused(".editor textarea"))
	p.insert(" one")
	p.press("Escape")
	p.expect(focused(".composer textarea"), "true")
	one.waitForContents("First line\nsecond line", "Another")
	p.press("ArrowUp")
	p.waitFor(focused(".editor textarea"))
	p.insert(" thought")
	p.press("Enter")
	one.waitForContents("First line\nsecond line", "Another thought")
	p.waitFor("!" + one.js(".entry:last-child .edited") + ".hidden")
	p.expect(focused(".composer textarea"), "true")

	// Among the messages: arrows, Home and End move, Enter answers, Escape cancels.
	p.eval("document.activeElement.blur()", nil)
	tabTo(".message")
	p.expect(focused(".entry:last-child .message"), "true")
	p.press("ArrowUp")
	p.expect(focused(".entry:first-child .message"), "true")
	p.press("End")
	p.expect(focused(".entry:last-child .message"), "true")
	p.press("Home")
	p.press("Tab")
	p.expect(focused(".entry:first-child .reply"), "true")
	p.press("Tab")
	p.expect(focused(".entry:first-child .edit"), "true")
	p.eval(one.js(".message")+".focus()", nil)
	p.press("Enter")
	p.expect(focused(".composer textarea"), "true")
	p.expect(one.js(".replying")+".hidden", "false")
	p.press("Escape")
	p.expect(one.js(".replying")+".hidden", "true")
	p.expectNoTrouble()
}

func testMarkupIsText(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	hostile := []string{
		`<img src=x onerror="document.title='stolen'">`,
		`<script>document.title='stolen'</script>`,
		`"><svg onload=document.title='stolen'>`,
		`javascript:document.title='stolen'`,
		`&lt;b&gt; &amp; ${document.title='stolen'}`,
	}
	for _, text := range hostile {
		one.say(text)
	}
	two.waitForContents(hostile...)
	p.click(two.is(".entry:first-child .reply"))
	p.insert("<b>quoted</b>")
	p.press("Enter")
	one.waitForContents(append(hostile, "<b>quoted</b>")...)
	p.expect(one.js(".entry:last-child .quote-text")+".textContent", hostile[0])
	p.expect("document.querySelectorAll('.log img, .log script, .log b, .log svg[onload], .log a').length", "0")
	p.waitFor("document.title === " + quote(s.setup.Trips[0].Title+" · Caravan")) // once all is read

	// And were markup to come in by a fault of ours, the policy would stop it.
	p.expect(`(() => { try { document.body.innerHTML = '<p>'; return 'set' } catch (e) { return e.name } })()`, "TypeError")
	p.expectNoTrouble("TrustedHTML")
}

func testRefusedMessage(t *testing.T, c *chromium) {
	s := startServer(t, "--max-content", "50") // the page does not know of it before
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.say(strings.Repeat("ten chars ", 6))
	p.waitFor("!" + one.js(".failure") + "?.hidden && " + one.js(".failed") + " !== null")
	p.expect(one.js(".failure p")+".textContent", "Message is too long (max 50 characters)")
	p.expect(one.js(".problem")+".textContent", "Not sent: Message is too long (max 50 characters)")
	p.expect(one.js(".delivery")+".textContent", "Not sent")
	p.waitFor(two.js(".typing") + ".textContent === ''")

	// It holds up nobody, and can be tried again or let go.
	one.say("Short")
	two.waitForContents("Short")
	p.click(one.is(".failed .retry"))
	p.waitFor(one.js(".failed .failure p"))
	p.click(one.is(".failed .discard"))
	one.waitForContents("Short")
	two.say("Still here")
	one.waitForContents("Short", "Still here")
	p.expectNoTrouble()
}
