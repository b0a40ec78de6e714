package demo_test

import (
	"fmt"
	"strings"
	"testing"
)

// postMany fills the room by REST with texts of several lengths.
func (s *server) postMany(user int, prefix string, count int) []string {
	s.t.Helper()
	token := s.token(user)
	said := make([]string, count)
	for i := range said {
		said[i] = fmt.Sprintf("%s %d%s", prefix, i, strings.Repeat(" and more", i%9*3))
		s.post(user, token, said[i], "")
	}
	return said
}

// lastFrame waits until the page has painted what it has now.
const lastFrame = `new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))`

// expectAtEnd says whether the pane shows the whole of its newest message.
func (p pane) expectAtEnd() {
	p.t.Helper()
	p.eval(lastFrame, nil)
	p.expect(fmt.Sprintf("Math.round(%[1]s.scrollHeight - %[1]s.scrollTop - %[1]s.clientHeight)", p.js(".scroller")), "0")
	p.expect(fmt.Sprintf("%s.getBoundingClientRect().bottom <= %s.getBoundingClientRect().bottom",
		p.js(".entry:last-child .bubble"), p.js(".scroller")), "true")
}

// testOpensAtItsEnd: the newest message is in sight, whatever grows after the history.
func testOpensAtItsEnd(t *testing.T, c *chromium) {
	s := startServer(t)
	said := s.postMany(1, "Message", 70)
	for _, w := range []window{desktop, phone, {width: 320, height: 480, touch: true}} {
		p := openPage(t, c, s.url("/"), w)
		one, two := p.both()
		one.waitForContents(said[20:]...)
		p.expect(one.js(".older button")+".hidden", "false")
		one.expectAtEnd()
		if w.touch {
			p.click("#switch button:nth-child(2)") // a pane that was filled while out of sight
		}
		two.waitForContents(said[20:]...)
		two.expectAtEnd()

		// What comes late: another font, a picture among the messages, a notice above,
		// a text beside the composer, another window.
		p.eval("document.documentElement.style.fontSize = '20px'", nil)
		two.expectAtEnd()
		p.eval(two.js(".entry:nth-last-child(3) .bubble")+".style.minHeight = '500px'", nil)
		two.expectAtEnd()
		p.eval(two.js(".notice p")+".textContent = 'A notice'", nil)
		two.expectAtEnd()
		p.eval(two.js(".problem")+".textContent = 'A problem'", nil)
		two.expectAtEnd()
		w.width, w.height = w.width-20, w.height-100
		p.resize(w)
		two.expectAtEnd()

		if w.touch { // a pane out of sight keeps its place
			p.eval(two.js(".scroller")+".scrollTop = 300", nil)
			p.waitFor(two.js(".older button") + ".hidden") // that has loaded what is before
			p.eval(lastFrame, nil)
			var before float64
			p.eval(two.js(".scroller")+".scrollTop", &before)
			p.click("#switch button:nth-child(1)")
			one.expectAtEnd()
			p.click("#switch button:nth-child(2)")
			p.eval(lastFrame, nil)
			p.expect(two.js(".scroller")+".scrollTop", fmt.Sprint(before))
		}
		p.expectNoTrouble()
	}
}

// testStaysWhereItReads: a reader of older messages keeps them under his eyes,
// whatever comes and goes, until he goes to the end by himself.
func testStaysWhereItReads(t *testing.T, c *chromium) {
	s := startServer(t)
	s.postMany(2, "Message", 60)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	p.waitFor(one.js(".entry:last-child .content") + ".textContent.startsWith('Message 59')")
	one.expectAtEnd()

	p.eval(one.js(".scroller")+".scrollTop -= 700", nil)
	p.eval(lastFrame, nil)
	p.eval(fmt.Sprintf(`{
		const top = %[1]s.getBoundingClientRect().top;
		window.read = [...%[1]s.querySelectorAll('.message')].find(e => e.getBoundingClientRect().top >= top);
		window.text = read.textContent;
		window.y = read.getBoundingClientRect().y;
	}`, one.js(".scroller")), nil)
	stays := func() {
		t.Helper()
		p.eval(lastFrame, nil)
		p.expect("read.textContent === text && Math.abs(read.getBoundingClientRect().y - y) <= 1", "true")
	}

	// News, live and after an absence.
	s.post(2, s.token(2), "A live one", "")
	p.waitFor(one.js(".entry:last-child .content") + ".textContent === 'A live one'")
	stays()
	p.expect(one.js(".latest")+".hidden", "false")
	g.noREST.Store(true) // or it might come back by a long poll, and say so
	g.down.Store(true)
	g.cut()
	p.waitFor(one.js(".status-text") + ".textContent.startsWith('Reconnecting in')")
	s.postMany(2, "Missed", 30)
	g.down.Store(false)
	p.eval("dispatchEvent(new Event('online'))", nil)
	p.waitFor(one.js(".entry:last-child .content") + ".textContent.startsWith('Missed 29')")
	g.noREST.Store(false)
	stays()

	// Older ones, and a message above that grows or shrinks.
	p.eval(one.js(".older button")+".click()", nil)
	p.waitFor(one.js(".older button") + ".hidden")
	stays()
	p.eval(one.js(".entry:nth-child(3) .content")+".textContent = 'Edited '.repeat(200)", nil)
	stays()
	p.eval(one.js(".entry:nth-child(3) .content")+".textContent = 'Short'", nil)
	stays()

	// Back at the end he follows the news again.
	p.click(one.is(".latest"))
	one.expectAtEnd()
	p.expect(one.js(".latest")+".hidden", "true")
	s.post(2, s.token(2), "The last one", "")
	p.waitFor(one.js(".entry:last-child .content") + ".textContent === 'The last one'")
	one.expectAtEnd()
	p.expectNoTrouble(socketFailed, loadFailed)
}
