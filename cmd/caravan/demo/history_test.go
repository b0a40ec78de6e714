package demo_test

import (
	"fmt"
	"testing"
)

func testOlderMessages(t *testing.T, c *chromium) {
	s := startServer(t)
	token := s.token(1)
	var said []string
	post := func(content, replyTo string) message {
		t.Helper()
		said = append(said, content)
		return s.post(1, token, content, replyTo)
	}
	first := post("The first message", "")
	for i := range 128 {
		post(fmt.Sprintf("Message %d", i), "")
	}
	post("Remember?", first.ID)

	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.waitForContents(said[len(said)-50:]...)
	p.waitFor(one.js(".scroller") + ".scrollTop > 0") // at the newest

	// Who scrolls up gets a page of older ones, without a jump of what is being read.
	p.eval(one.js(".scroller")+".scrollTop = 0; window.read = "+one.js(".message")+"; window.y = read.getBoundingClientRect().y", nil)
	one.waitForContents(said[len(said)-100:]...)
	p.expect("Math.abs(read.getBoundingClientRect().y - y) <= 1", "true")

	// Who has no wheel and no finger has a button.
	p.eval(two.js(".older button")+".focus({preventScroll: true})", nil)
	p.press("Enter")
	p.waitFor(two.js(".entry:last-child .content") + ".textContent === 'Remember?' && " + two.js(".scroller") + ".scrollHeight > 100 * 30")
	p.waitFor("document.activeElement === " + two.js(".older button"))

	// An edit of what is not loaded makes no hole, and shows when it is loaded.
	p.eval(fmt.Sprintf(`fetch('/api/v1/chat/messages/%s/', {method: 'PATCH', body: '{"content":"The very first message"}',
		headers: {Authorization: 'Bearer %s', 'Content-Type': 'application/json'}}).then(r => r.status)`, first.ID, token), nil)
	two.say("A live one")
	said[0] = "The very first message"
	said = append(said, "A live one")
	p.waitFor(two.js(".entry:last-child .content") + ".textContent === 'A live one'")

	// Following a reply loads what lies between.
	p.click(two.is(".entry:nth-last-child(2) .quote"))
	p.waitFor("document.activeElement === " + two.js(".entry:first-child .message"))
	p.expect(two.js(".older button")+".hidden", "true")
	p.expect(two.js(".entry:first-child .edited")+".hidden", "false")
	two.waitForAll(said)
	one.waitForAll(said)
	p.expectNoTrouble()
}
