package demo_test

import "testing"

// twoRooms opens a pane on two rooms without a server behind them: held[i] is the room of trip i, with what was called of
// it in `calls`, and tell(i, name, event) says what it tells. Older messages come when the test says so.
const twoRooms = `(async () => {
	const { ChatPane } = await import('/demo/chat-pane.js');
	const { users, trips } = await (await fetch('/demo/config.json')).json();
	const made = ({ id }) => {
		const heard = new Map();
		const on = (name, fn) => {
			heard.set(name, [...(heard.get(name) ?? []), fn]);
			return () => heard.set(name, heard.get(name).filter((f) => f !== fn));
		};
		const calls = [];
		const call = (name) => (...args) => void calls.push([name, ...args]);
		return {
			id, on, calls, tell: (name, event) => { for (const fn of heard.get(name) ?? []) fn(event); },
			messages: [], outbox: [], complete: true, seq: 0, readSeq: 0, role: '', permissions: ['send', 'react', 'pin', 'moderate'], state: { phase: 'joining' },
			watch: call('watch'), read: call('read'), typing() {}, trim: call('trim'), pin: (...args) => (calls.push(['pin', ...args]), { clientId: 'c' }),
			older() {
				calls.push(['older']);
				return new Promise((resolve, reject) => Object.assign(this, { give: resolve, refuse: reject }));
			},
		};
	};
	window.held = trips.map(made);
	window.tripIDs = trips.map(({ id }) => id);
	window.message = (i) => ({
		id: 'm' + i, seq: i, rev: i, sender: { id: users[1].id, email: 'b@example.org', full_name: 'B' }, content: 'Message ' + i, message_type: 'text',
		created_at: new Date(1e12 + i * 60_000).toISOString(), updated_at: '', reply_to: null, is_edited: false,
	});
	const caravan = window.caravan = { state: { phase: 'live' }, user: users[0].id, on: () => () => {}, room: (id) => held[tripIDs.indexOf(id)], rest: async () => ({ results: [] }) };
	const rooms = { list: [], loaded: false, unread: 0, on: () => () => {}, refresh: async () => {} };
	window.pane = new ChatPane({ caravan, rooms, user: users[0], users, trips, trip: trips[0], addressOf: () => '/', href: '', keeps: true });
	document.querySelector('#panes').replaceChildren(pane.element);
	window.part = (selector) => pane.element.querySelector(selector);
	window.live = (i) => {
		const room = held[i];
		Object.assign(room, { messages: Array.from({ length: 100 }, (_, n) => message(n + 101)), seq: 200, complete: false, state: { phase: 'live' } });
		room.tell('messages', { changed: room.messages, reset: true });
		room.tell('state', room.state);
	};
	window.called = (i, name) => held[i].calls.filter(([n]) => n === name);
	window.jump = (id) => part('.log').dispatchEvent(new CustomEvent('quote', { detail: { message: { reply_to: { id } } } }));
	await ` + lastFrame + `;
})()`

// testRoomLeft: what is under way in a room that is left ends there, it costs no more than its messages, and what is refused
// in it is said, once.
func testRoomLeft(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	p.pane(1).waitForPhase("live")
	p.eval(twoRooms, nil)
	about := "part('.search-about').textContent.trim()"

	// Nothing is said to be searched before the room has told what it holds.
	p.eval("pane.search()", nil)
	p.expect("part('.search-about span').textContent", "Only the 0 messages that are loaded are searched.")
	p.expect("part('.search-more').hidden", "true")
	p.eval("live(0)", nil)
	p.waitFor("!part('.search-more').hidden")

	// A room that can hold no more is one room.
	p.eval("part('.search-more').click(); held[0].give([])", nil)
	p.waitFor(about + ".includes('no more can be loaded')")
	p.eval("live(1); pane.open(tripIDs[1]); pane.search()", nil)
	p.expect("part('.search-about span').textContent", "Only the 100 messages that are loaded are searched.")
	p.expect("JSON.stringify([called(0, 'watch').at(-1)[1], called(0, 'trim').length])", `[{"presence":false,"reads":false},1]`)
	p.expect("JSON.stringify(called(1, 'watch').at(-1)[1])", `{"presence":true,"reads":true}`)

	// A jump ends with the room, and says where it fails.
	p.eval("held[1].calls.length = 0; jump('gone'); pane.open(tripIDs[0]); held[0].calls.length = 0; held[1].give([message(100)])", nil)
	p.eval(lastFrame, nil)
	p.expect("JSON.stringify([called(0, 'older').length, part('.problem').textContent])", `[0,""]`)
	p.eval("jump('gone'); held[0].refuse(new Error('away'))", nil)
	p.waitFor("part('.problem').textContent === 'That message could not be loaded. Please try again.'")

	// What is refused elsewhere is said, marked in the list, and not said again.
	p.eval(`held[1].outbox = [{ clientId: 'c1', status: 'failed', code: 'forbidden', error: 'You may not', frame: { type: 'chat_message', content: 'Hello' }, createdAt: Date.now() }];
		held[1].tell('outbox')`, nil)
	p.waitFor("part('.problem').textContent === " + quote("Not sent in "+s.setup.Trips[1].Title+": You may not"))
	p.expect("part('.rooms a[data-trip=\"' + tripIDs[1] + '\"] .refused').textContent", "! 1 not sent")
	p.eval("part('.problem').textContent = ''; pane.open(tripIDs[1]); pane.open(tripIDs[0]); pane.open(tripIDs[1])", nil)
	p.expect("part('.problem').textContent", "")
	p.eval("held[1].outbox = []; held[1].tell('outbox')", nil)
	p.expect("part('.rooms .refused')", "null")

	// The menu of a message, and lists, go with their room.
	p.eval("part('.log .more').click()", nil)
	p.expect("part('.menu').matches(':popover-open')", "true")
	p.eval("pane.open(tripIDs[0])", nil)
	p.expect("part('.menu').matches(':popover-open')", "false")
	p.eval("part('.menu .pin').click(); part('.pins').click()", nil)
	p.expect("JSON.stringify([called(1, 'pin').length, called(0, 'pin').length, part('.list').open])", "[1,0,true]")
	p.eval("pane.open(tripIDs[1])", nil)
	p.expect("part('.list').open", "false")

	// Where no more can be held the pane says so, and leads back.
	p.eval("part('.older button').click(); held[1].give([])", nil)
	p.waitFor("!part('.full').hidden && part('.older button').hidden")
	p.eval("held[1].calls.length = 0; part('.newest').click()", nil)
	p.expect("JSON.stringify([called(1, 'trim').length, part('.full').hidden, part('.older button').hidden])", "[1,true,false]")

	// A browser that keeps no more is told of, once.
	p.eval("held[1].tell('problem', {code: 'store'})", nil)
	p.expect("part('.problem').textContent.startsWith('This browser keeps no more.')", "true")
	p.eval("part('.problem').textContent = ''; held[1].tell('problem', {code: 'store'})", nil)
	p.expect("part('.problem').textContent", "")
	p.eval("caravan.state = {phase: 'waiting', retryAt: Date.now() + 60_000}; held[1].tell('state', held[1].state)", nil)
	p.expect("part('.notice p').textContent.includes('as long as this page stays open')", "true")
	p.expectNoTrouble()
}

// testAddresses: the address names each trip, also one that the page does not know from the start, and what leads to other
// pages keeps the trip that is open.
func testAddresses(t *testing.T, c *chromium) {
	s := startServer(t)
	const strange = "00000000-0000-4000-8000-000000000001"
	p := openPage(t, c, s.url("/?user=1&trip="+strange), desktop)
	p.waitFor("document.querySelector('.notice p').textContent.startsWith('You are not part of this trip')")
	p.expect("document.querySelector('#views a:last-child').search.includes('trip="+strange+"')", "true")
	p.eval("void setTimeout(() => document.querySelectorAll('.rooms a')[0].click())", nil)
	p.waitFor("!document.querySelector('#views a:last-child').search.includes('" + strange + "')")
	p.eval("history.back()", nil)
	p.waitFor("document.querySelector('#views a:last-child').search.includes('trip=" + strange + "')")
	p.waitFor("document.querySelector('.notice p').textContent.startsWith('You are not part of this trip')")

	both := openPage(t, c, s.url("/"), desktop)
	both.both()
	both.eval("document.querySelector(`section.pane:nth-of-type(2) .rooms a[data-trip=\""+s.setup.Trips[1].ID.String()+"\"]`).click()", nil)
	both.expect("[1, 2].map((n) => document.querySelector(`section.pane:nth-of-type(${n}) .alone`).search).join()", "?user=1,?user=2&trip=2")
	both.expect("document.querySelector('#views a:nth-child(3)').search", "?user=2&trip=2")
	both.expectNoTrouble()
	p.expectNoTrouble(loadFailed) // who is in a trip is told to those who are
}

// testOpensAtUnread: a room with more that is unread than fits opens where that begins, also where it is not loaded yet. What
// was not before the eyes stays unread; a button leads to the end.
func testOpensAtUnread(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=0") // a fast machine sends more than a user may
	trip := s.setup.Trips[0]
	last := s.postTo(trip.ID, 2, "Read on the way")
	s.read(1, trip.ID, last.Seq)
	s.postMany(2, "Unread ", 80)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	inSight := `((e) => {
		const { top, bottom } = e?.getBoundingClientRect() ?? {}, around = ` + one.js(".scroller") + `.getBoundingClientRect();
		return top >= around.top && bottom <= around.bottom;
	})`
	line := "[...document.querySelectorAll('.unread')].find((e) => e.checkVisibility())"
	p.waitFor(inSight + "(" + line + ")")
	p.expect(line+".parentElement.querySelector('.content').textContent.startsWith('Unread  0')", "true")
	count := "parseInt(" + one.js(".rooms [aria-current] .count") + "?.textContent)"
	p.waitFor(count + " < 80") // what is before the eyes is read
	p.expect(count+" > 40", "true")
	p.expect(one.js(".latest")+".hidden", "false")
	p.click(one.is(".latest"))
	p.waitFor("!" + one.js(".rooms [aria-current] .count"))
	p.expectNoTrouble()
}
