package demo_test

import "testing"

// watchShifts begins to note what moves on the page without being scrolled, and without an input just before.
const watchShifts = `{
	window.shifts = [];
	new PerformanceObserver((list) => {
		for (const e of list.getEntries()) if (!e.hadRecentInput) shifts.push([e.value, ...e.sources.map((s) => (s.node?.className ?? s.node) + ' ' + JSON.stringify(s.previousRect) + JSON.stringify(s.currentRect))].join(' '));
	}).observe({ type: 'layout-shift' });
}`

func (p *page) expectNoShift(when string) {
	p.t.Helper()
	p.eval(lastFrame, nil)
	p.eval(lastFrame, nil)
	var shifts []string
	if p.eval("shifts.splice(0)", &shifts); len(shifts) > 0 {
		p.t.Errorf("%s: moved: %q", when, shifts)
	}
}

// testNothingShifts: what stands on the page stays where it is, whatever comes, is acknowledged, read, pinned, loaded
// or said.
func testNothingShifts(t *testing.T, c *chromium) {
	s := startServer(t)
	s.postMany(2, "Before", 40)
	g := startGateway(t, s)
	for _, w := range []window{desktop, phone} {
		p := openPage(t, c, g.url("/?user=1"), w)
		one := p.pane(1)
		one.waitForPhase("live")
		other := openPage(t, c, s.url("/?user=2"), desktop)
		two := other.pane(1)
		two.waitForPhase("live")
		p.takePhotos()
		p.waitFor("!" + one.js(".attach") + ".hidden")
		p.eval(lastFrame, nil)
		p.eval(watchShifts, nil)

		two.say("A live one")
		p.waitFor(one.js(".entry:last-child .content") + ".textContent === 'A live one'")
		p.expectNoShift("a message comes")
		g.refuse(refusal{code: "unavailable"}, refusal{code: "unavailable"}, refusal{code: "unavailable"})
		one.say("Mine")
		p.waitFor("window.sent = document.querySelector('.entry:last-child.pending .bubble')")
		var place string
		p.eval("JSON.stringify(sent.getBoundingClientRect())", &place)
		p.waitFor("!document.querySelector('.pending')")
		p.expect("sent.isConnected ? JSON.stringify(sent.getBoundingClientRect()) : 'gone'", place)
		p.expectNoShift("a message is acknowledged")
		p.waitFor(one.js(".entry:last-child .readers") + ".textContent === 'Read by Jonas'")
		p.expectNoShift("a message is read")
		one.sayAll([]string{"One", "Two with a text that is longer than one line of a phone can be, and of other narrow windows", "Three"})
		p.waitFor(one.js(".entry:last-child .content") + ".textContent === 'Three' && !document.querySelector('.pending')")
		p.expectNoShift("messages are acknowledged")

		one.choose("sea.jpg")
		p.waitFor(one.js(".tray .ready"))
		p.eval("shifts.length = 0", nil) // the tray makes room for itself
		p.eval(one.js(".composer")+".requestSubmit()", nil)
		one.waitForPhotos(1)
		p.waitFor("!document.querySelector('.pending')")
		p.eval("shifts.splice(0, shifts.length, ...shifts.filter((s) => !/composer|attach|send|latest|typing|LABEL|TEXTAREA/i.test(s)))", nil) // the tray goes
		p.expectNoShift("a photo is shown")

		other.click(two.is(".composer textarea"))
		other.insert("I ")
		p.waitFor(one.js(".typing") + ".textContent !== ''")
		p.expectNoShift("somebody types")
		g.noREST.Store(true) // or it might come back by a long poll, and say so
		g.down.Store(true)
		g.cut()
		p.waitFor("!" + one.js(".notice button") + ".hidden && " + one.js(".notice") + ".checkVisibility()")
		p.expectNoShift("the connection is lost")
		g.down.Store(false)
		p.eval("dispatchEvent(new Event('online'))", nil)
		one.waitForPhase("live")
		g.noREST.Store(false)
		p.expectNoShift("it is back")

		// And who reads what was before has it loaded above.
		s.postMany(2, "Later", 60)
		other.waitFor(two.js(".entry:last-child .content") + ".textContent.startsWith('Later 59') && " +
			two.js(".entry:last-child .readers") + ".textContent === 'Read by Amina'") // or the page would open at what is unread
		p.call("Page.reload", nil, nil)
		p.waitFor("window.shifts === undefined && document.readyState === 'complete' && document.querySelector('.entry:last-child .content')?.textContent.startsWith('Later 59')")
		p.waitFor("!" + one.js(".older button") + ".hidden")
		p.eval(lastFrame, nil)
		p.eval(watchShifts, nil)
		p.eval(one.js(".scroller")+".scrollTop = 300", nil)
		p.waitFor(one.js(".scroller") + ".scrollTop > 400")
		p.expectNoShift("older messages are loaded")
		p.expectNoTrouble(socketFailed, loadFailed)
	}
}
