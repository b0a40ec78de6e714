package demo_test

import (
	"fmt"
	"testing"
)

// testRightToLeft: the page is mirrored, and names and texts are read each in their own direction.
func testRightToLeft(t *testing.T, c *chromium) {
	s := startServer(t)
	s.post(2, s.token(2), "שלום! see https://example.com/א?b=1 (now)", "")
	s.post(2, s.token(2), "Hello, world!", "")
	s.post(1, s.token(1), "مرحبا، كيف الحال؟", "")
	for _, w := range []window{desktop, phone, {width: 320, height: 480, touch: true}} {
		p := openPage(t, c, s.url("/?user=1&dir=rtl"), w)
		one := p.pane(1)
		one.waitForPhase("live")
		p.waitFor("document.querySelectorAll('.entry').length === 3")
		p.expect("document.documentElement.dir", "rtl")
		side := func(selector string) string {
			return fmt.Sprintf("((e, all) => e.left + e.right > all.left + all.right ? 'right' : 'left')(%s.getBoundingClientRect(), %s.getBoundingClientRect())", one.js(selector), one.js(".scroller"))
		}
		p.expect(side(".entry:nth-child(1) .bubble"), "right") // of others: where the page begins
		p.expect(side(".mine .bubble"), "left")
		p.expect("getComputedStyle("+one.js(".composer textarea")+").direction", "rtl") // while it is empty
		p.expect(side(".send"), "left")
		p.expect(side(".attach"), "right")
		p.expect("[...document.querySelectorAll('.content')].map(e => getComputedStyle(e).direction).join()", "rtl,ltr,rtl")
		p.expect("getComputedStyle(document.querySelector('.link')).direction", "ltr")
		p.expect("document.documentElement.scrollWidth <= innerWidth", "true")
		expectFitForFingers(p)
		p.expect("[...document.querySelectorAll('a[href^=\"/?\"]')].every(a => a.href.includes('dir=rtl'))", "true")
		p.expectNoTrouble()
	}
}
