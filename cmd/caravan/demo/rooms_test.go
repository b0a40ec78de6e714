package demo_test

import (
	"strings"
	"testing"
)

// testUnreadLine: a line says where the unread begins when a room is opened, and stays until the user answers. The tab's
// title says how much is unread in all rooms.
func testUnreadLine(t *testing.T, c *chromium) {
	s := startServer(t)
	trip := s.setup.Trips[0].ID
	last := s.postTo(trip, 2, "Read on the way")
	s.read(1, trip, last.Seq)
	s.postTo(trip, 1, "From my other device")
	s.postTo(trip, 2, "The first new one")
	s.postTo(trip, 3, "The second new one")
	s.postTo(s.setup.Trips[1].ID, 2, "Elsewhere")
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	lines := "[...document.querySelectorAll('.unread')].filter(e => e.checkVisibility()).map(e => e.parentElement.querySelector('.content').textContent).join()"
	p.waitFor(lines + " === 'The first new one'")
	p.waitFor("document.title === " + quote("(1) "+s.setup.Trips[0].Title+" · Caravan")) // what is before the eyes is read
	p.expect(lines, "The first new one")
	s.postTo(s.setup.Trips[1].ID, 2, "Elsewhere again")
	p.waitFor("document.title.startsWith('(2) ')")
	p.expect("(({title, dateTime}) => /\\d{4}/.test(title) && new Date(dateTime) <= new Date())("+one.js(".message time")+")", "true")
	one.say("An answer")
	p.waitFor(lines + " === ''")
	p.expectNoTrouble()
}

// testRoomList: rooms are opened from the list, with what was said last in each; on a phone the list and the room
// take turns, the browser's way back included, and everybody's page can be reached.
func testRoomList(t *testing.T, c *chromium) {
	s := startServer(t)
	s.postTo(s.setup.Trips[1].ID, 2, "See you at the station")
	s.postTo(s.setup.Trips[0].ID, 3, "The ferry leaves at ten")
	p := openPage(t, c, s.url("/"), phone)
	p.both()
	expectFitForFingers(p)
	p.expect("[...document.querySelectorAll('#switch > *')].map(e => e.ariaLabel.split(',')[0]).join()", s.setup.Users[0].Name+","+s.setup.Users[1].Name+","+s.setup.Users[2].Name)
	p.eval("void setTimeout(() => document.querySelector('#switch a').click())", nil)
	p.waitFor("location.search === '?user=3' && document.querySelector('.pane')")
	three := p.pane(1)
	three.waitForPhase("live")
	p.expect("document.querySelector('#views [aria-current]').ariaLabel", s.setup.Users[2].Name)
	three.waitForContents("The ferry leaves at ten")
	sees := func(list bool) string {
		return three.js(".rooms") + ".checkVisibility() === " + quote(list) + " && " + three.js(".conversation") + ".checkVisibility() === " + quote(!list)
	}
	p.waitFor(sees(false))
	expectFitForFingers(p)

	p.click(three.is(".back"))
	p.waitFor(sees(true))
	expectFitForFingers(p)
	p.expect(three.js("h2")+".textContent", "You are "+s.setup.Users[2].Name)
	link := "[...document.querySelectorAll('.rooms a')].find(a => a.textContent.includes(" + quote(s.setup.Trips[1].Title) + "))"
	p.waitFor(link + ".querySelector('.room-last').textContent === " + quote(strings.Split(s.setup.Users[1].Name, " ")[0]+": See you at the station"))
	p.waitFor(link + ".querySelector('.count')?.textContent === '1 unread'")
	p.eval(link+".id = 'other'", nil)
	p.expect(three.js(".back")+".ariaLabel", "All trips, 1 unread elsewhere")
	p.click("#other")
	p.waitFor(sees(false))
	p.expect("document.activeElement === "+three.js("h3"), "true") // and not nowhere, as the list has gone
	p.expect("location.search", "?user=3&trip=2")
	p.expect(three.js("h3")+".textContent", s.setup.Trips[1].Title)
	three.waitForContents("See you at the station")
	p.waitFor("document.title === " + quote(s.setup.Trips[1].Title+" · Caravan"))

	p.eval("history.back()", nil)
	p.waitFor(sees(true))
	p.eval("history.back()", nil)
	p.waitFor(sees(false))
	p.expect("location.search", "?user=3")
	three.waitForContents("The ferry leaves at ten")
	p.eval("history.go(2)", nil)
	p.waitFor(sees(false) + " && location.search === '?user=3&trip=2'")
	three.waitForContents("See you at the station")
	p.click(three.is(".back")) // to where it was opened from
	p.waitFor(sees(true))
	p.expectNoTrouble()
}

// testConfigFails: a page that cannot learn who and what there is says so, and offers to try again.
func testConfigFails(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.noConfig.Store(true)
	p := openPageOnce(t, c, g.url("/?user=1"), desktop, "document.querySelector('.fatal button')")
	p.expect("document.querySelector('.fatal').textContent.startsWith('The chat cannot be loaded')", "true")
	p.expect("document.querySelector('.fatal').checkVisibility()", "true")
	g.noConfig.Store(false)
	p.eval("void setTimeout(() => document.querySelector('.fatal button').click())", nil)
	p.waitFor("document.querySelector('.pane')?.dataset.phase === 'live'")
	p.expect("document.querySelector('.fatal')", "null")

	// Nor one of whose modules does not come.
	p.call("Network.enable", nil, nil)
	p.call("Network.setBlockedURLs", map[string]any{"urls": []string{"*/demo/fold.js"}}, nil)
	p.eval("void setTimeout(() => location.reload())", nil)
	p.waitFor("document.querySelector('.fatal button') && document.querySelector('.fatal').textContent.includes('a part of it did not come')")
	p.expectNoTrouble(loadFailed, "fold.js", "dynamically imported module")
}

// testWrittenIsKept: what was written without a connection is there after a reload, as the page says, and goes out.
func testWrittenIsKept(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.blockSockets.Store(true)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("standard")

	// A network that goes away is noticed at once, also where a long poll waits.
	p.call("Network.enable", nil, nil)
	p.call("Network.emulateNetworkConditions", map[string]any{"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	p.waitFor(one.js(".status-text") + ".textContent === 'Offline'")
	p.expect(one.js(".notice p")+".textContent", "You are offline. What you write is kept, also over a reload, and goes out when you are back.")
	one.say("Written in a tunnel")
	g.noREST.Store(true)
	p.call("Network.emulateNetworkConditions", map[string]any{"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)

	p.eval("void setTimeout(() => location.reload())", nil)
	p.waitFor("document.readyState === 'complete' && document.querySelector('.pending .content')?.textContent === 'Written in a tunnel'")
	g.noREST.Store(false)
	g.blockSockets.Store(false)
	p.waitFor("dispatchEvent(new Event('online')) && !document.querySelector('.pending')")
	one.waitForContents("Written in a tunnel")
	if got := s.stored(); len(got) != 1 || got[0] != "Written in a tunnel" {
		t.Errorf("stored are %q", got)
	}
	p.expectNoTrouble(socketFailed, loadFailed, "ERR_INTERNET_DISCONNECTED")
}

// testLoading: a room of which nothing is known is not said to be empty.
func testLoading(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.blockSockets.Store(true)
	g.noREST.Store(true)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	p.waitFor(one.js(".status-text") + ".textContent.startsWith('Reconnecting')")
	p.expect(one.js(".empty")+".textContent", "Loading…")
	p.expect(one.js(".empty")+".checkVisibility()", "true")
	g.blockSockets.Store(false)
	p.eval("dispatchEvent(new Event('online'))", nil)
	one.waitForPhase("live")
	p.waitFor(one.js(".empty") + ".textContent.startsWith('No messages yet')")
	p.expectNoTrouble(socketFailed, loadFailed)
}
