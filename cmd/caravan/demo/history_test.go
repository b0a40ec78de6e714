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

	// A page of older ones, without a jump of what is being read.
	p.eval(one.js(".scroller")+".scrollTop = 0", nil)
	p.eval("window.read = "+one.js(".entry")+"; window.y = read.getBoundingClientRect().y", nil)
	p.click(one.is(".older button"))
	one.waitForContents(said[len(said)-100:]...)
	p.expect("Math.abs(read.getBoundingClientRect().y - y) < 90", "true") // the day's line moves up
	p.waitFor("document.activeElement === " + one.js(".older button"))

	// An edit of what is not loaded makes no hole, and shows when it is loaded.
	p.eval(fmt.Sprintf(`fetch('/api/v1/chat/messages/%s/', {method: 'PATCH', body: '{"content":"The very first message"}',
		headers: {Authorization: 'Bearer %s', 'Content-Type': 'application/json'}}).then(r => r.status)`, first.ID, token), nil)
	two.say("A live one")
	said[0] = "The very first message"
	said = append(said, "A live one")
	two.waitForContents(said[len(said)-51:]...)

	// Following a reply loads what lies between.
	p.click(two.is(".entry:nth-last-child(2) .quote"))
	two.waitForContents(said...)
	p.waitFor("document.activeElement === " + two.js(".entry:first-child .message"))
	p.expect(two.js(".older button")+".hidden", "true")
	p.expect(two.js(".entry:first-child .edited")+".hidden", "false")
	p.click(one.is(".older button"))
	one.waitForContents(said...)
	p.expectNoTrouble()
}
