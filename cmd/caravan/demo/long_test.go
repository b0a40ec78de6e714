package demo_test

import (
	"fmt"
	"strings"
	"testing"
)

// longRoom opens a pane on a room that holds 10,000 messages, without a server behind it: window.room is the room, and
// tell(name, event) says what it tells. Rows are as high as their texts are long, and some have a picture.
const longRoom = `(async () => {
	const { ChatPane } = await import('/demo/chat-pane.js');
	const { users, trips } = await (await fetch('/demo/config.json')).json();
	const heard = new Map();
	const on = (name, fn) => { heard.set(name, [...(heard.get(name) ?? []), fn]); return () => {}; };
	window.tell = (name, event) => { for (const fn of heard.get(name) ?? []) fn(event); };
	const began = Date.now() - 10_000 * 600_000;
	window.made = (i) => {
		const { id, email, name } = users[i * 7 % 3], at = new Date(began + i * 600_000).toISOString();
		return {
			id: 'm' + i, seq: i + 1, rev: i + 1, sender: { id, email, username: email, full_name: name }, content: 'Message ' + i + ' and more'.repeat(i * 7 % 31),
			message_type: 'text', created_at: at, updated_at: at, reply_to: null, is_edited: false,
		};
	};
	window.room = {
		messages: Array.from({ length: 10_000 }, (_, i) => made(i)), outbox: [], complete: true, seq: 10_000, readSeq: 10_000, role: 'owner', permissions: ['send', 'edit', 'react'],
		state: { phase: 'live' }, on, watch() {}, read() {}, typing() {}, older: async () => [],
	};
	const caravan = { state: { phase: 'live' }, user: users[0].id, on, room: () => room, rest: async () => ({ results: [] }) };
	const rooms = { list: [], loaded: false, unread: 0, on: () => () => {}, refresh: async () => {} };
	const pane = new ChatPane({ caravan, rooms, user: users[0], users, trips, trip: trips[0], addressOf: () => '/', href: '', keeps: true });
	document.querySelector('#panes').replaceChildren(pane.element);
	window.scroller = pane.element.querySelector('.scroller');
	await ` + lastFrame + `;
})()`

// scrollThrough moves by a step each frame, and returns what was in the document meanwhile: how many rows and nodes at
// most, how long the frames took, and what was wrong.
const scrollThrough = `async (step, frames) => {
	const found = { rows: 0, nodes: 0, times: [], wrong: [] };
	const middle = () => { const r = scroller.getBoundingClientRect(); return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2); };
	for (let i = 0, last; i < frames; i++) {
		scroller.scrollTop += step;
		const now = await new Promise(requestAnimationFrame);
		if (last) found.times.push(now - last);
		last = now;
		const rows = [...scroller.querySelectorAll('.entry')];
		found.rows = Math.max(found.rows, rows.length);
		if (i % 20) continue;
		found.nodes = Math.max(found.nodes, scroller.getElementsByTagName('*').length);
		const numbers = rows.map((row) => Number(/\d+/.exec(row.querySelector('.content').textContent)));
		if (numbers.some((n, at) => at && n !== numbers[at - 1] + 1)) found.wrong.push('order: ' + numbers);
		await new Promise(requestAnimationFrame);
		if (!middle()?.closest('.log')) found.wrong.push('nothing at ' + scroller.scrollTop);
	}
	found.times.sort((a, b) => a - b);
	return found;
}`

// testLongRoom: of 10,000 messages the document has those around the ones in sight, wherever the reader goes, and nothing
// moves under them. How long frames take is told, not judged: a test has half a machine.
func testLongRoom(t *testing.T, c *chromium) {
	s := startServer(t)
	for _, w := range []window{desktop, phone} {
		p := openPage(t, c, s.url("/?user=1"), w)
		p.pane(1).waitForPhase("live")
		p.eval(longRoom, nil)
		last := func() string {
			return "scroller.querySelector('.entry:last-child .content').textContent.split(' and')[0]"
		}
		p.expect(last(), "Message 9999")
		p.expect("Math.round(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight)", "0")
		for _, way := range []struct{ step, frames int }{{-300, 100}, {120, 60}, {-40_000, 10}} {
			var found struct {
				Rows, Nodes int
				Times       []float64
				Wrong       []string
			}
			p.eval(fmt.Sprintf("(%s)(%d, %d)", scrollThrough, way.step, way.frames), &found)
			at := func(part float64) float64 { return found.Times[int(part*float64(len(found.Times)-1))] }
			t.Logf("%d px wide, %d px a frame: %d rows, %d elements at most; frames of %.1f ms, 99 %% below %.1f ms, %.1f ms at most",
				w.width, way.step, found.Rows, found.Nodes, at(.5), at(.99), at(1))
			if found.Rows > 150 || found.Nodes > 7_500 || found.Rows < 50 {
				t.Errorf("%d rows, %d elements in the document", found.Rows, found.Nodes)
			}
			if len(found.Wrong) > 0 {
				t.Errorf("%d px a frame: %s", way.step, strings.Join(found.Wrong, "; "))
			}
		}

		// In the middle, a message that comes and one that changes above move nothing.
		p.eval(`(async () => {
			scroller.scrollTop = scroller.scrollHeight / 2;
			for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
			const top = scroller.getBoundingClientRect().top;
			window.read = [...scroller.querySelectorAll('.message')].find((e) => e.getBoundingClientRect().top >= top);
			window.y = read.getBoundingClientRect().y;
			const above = Number(/\d+/.exec(read.textContent)) - 20;
			const changed = { ...room.messages[above], rev: 10_001, content: 'Message ' + above + ' is longer '.repeat(60) };
			room.messages = [...room.messages.with(above, changed), made(10_000)];
			tell('messages', { changed: [changed, room.messages.at(-1)], reset: false });
			await `+lastFrame+`;
		})()`, nil)
		p.expect("read.isConnected && Math.abs(read.getBoundingClientRect().y - y) <= 1", "true")

		// Home and End lead to the first and the last one.
		p.eval("read.focus({preventScroll: true})", nil)
		p.press("Home")
		p.waitFor("document.activeElement.closest('.entry').dataset.key === 'm0'")
		p.press("End")
		p.waitFor("document.activeElement.closest('.entry').dataset.key === 'm10000'")
		p.expectNoTrouble()
	}
}
