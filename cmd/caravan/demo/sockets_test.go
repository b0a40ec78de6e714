package demo_test

import "testing"

// fakeSocket takes the place of the browser's WebSocket in a script: the script says when it opens
// and what comes. until waits for a condition.
const fakeSocket = `
	class FakeSocket {
		static OPEN = 1;
		static all = [];
		readyState = 0;
		sent = [];
		constructor() { FakeSocket.all.push(this); }
		send(text) { this.sent.push(JSON.parse(text)); }
		close() { this.readyState = 3; }
		open() { this.readyState = 1; this.onopen(); }
		tell(frame) { this.onmessage({data: JSON.stringify(frame)}); }
		end(code) { this.readyState = 3; this.onclose({code}); }
	}
	const until = async (accept) => {
		for (const began = Date.now(); !accept(); ) {
			if (Date.now() - began > 15_000) throw new Error('not true: ' + accept);
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
	};
	const {UserSocket} = await import('/demo/caravan-socket.js');
	const {Rooms} = await import('/demo/caravan-rooms.js');
	const RealSocket = WebSocket;
	globalThis.WebSocket = FakeSocket;
`

// runScript runs the body of an async function in a page, with fakeSocket, and compares what it returns.
func runScript(t *testing.T, c *chromium, body, want string) {
	t.Helper()
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	p.pane(1).waitForPhase("live")
	var got string
	p.eval("(async () => {"+fakeSocket+body+"})()", &got)
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.expectNoTrouble()
}

// testRoomsWaitForTheSocket: what is subscribed while the WebSocket is still connecting is asked
// for when it is open. Who was refused has a fresh token taken for all.
func testRoomsWaitForTheSocket(t *testing.T, c *chromium) {
	runScript(t, c, `
		const tokens = [], ended = [];
		const socket = new UserSocket({token: async (fresh) => { tokens.push(fresh); return 'x'; }});
		const subscribe = (trip, fresh) => socket.subscribe(trip, {}, () => {}, {fresh}).ended.then((code) => ended.push(trip + code));
		subscribe('a');
		await until(() => FakeSocket.all.length === 1);
		subscribe('b');
		subscribe('c', true);
		await new Promise((resolve) => setTimeout(resolve, 100)); // longer than rooms wait for one another
		const asked = ({sent}) => sent.flatMap((f) => f.rooms.map((r) => r.id)).join('');
		const [first] = FakeSocket.all;
		first.open();
		const before = asked(first);
		first.end(4001);
		await until(() => FakeSocket.all.length === 2);
		const [, second] = FakeSocket.all;
		second.open();
		second.tell({type: 'message_history', chat_room_id: 'A', trip_id: 'a', messages: [], seq: 0});
		const after = [asked(second), ended.length];
		second.end(1006);
		await until(() => ended.length === 3);
		globalThis.WebSocket = RealSocket;
		return [before, tokens, ...after, ended].join(' ');
	`, "abc false,true abc 0 a1006,b1006,c1006")
}

// testRoomsOfManyTrips: rooms are asked for by the hundred, up to what a socket takes. What is
// refused for now is asked for again, what is refused for good is not.
func testRoomsOfManyTrips(t *testing.T, c *chromium) {
	runScript(t, c, `
		const list = Array.from({length: 250}, (_, i) => ({id: 'r' + i, trip_id: 't' + i, title: 'T' + i, unread: 0, mentions: 0, read_seq: 0, last_seq: 0}));
		const socket = new UserSocket({token: async () => 'x'});
		const rooms = new Rooms({socket, user: 'me', rest: {rooms: async () => list, room: async (id) => list.find((r) => r.id === id)}});
		socket.subscribe('t0', {}, () => {});
		await until(() => FakeSocket.all.length === 1);
		const [wire] = FakeSocket.all;
		wire.open();
		wire.tell({type: 'message_history', chat_room_id: 'r0', trip_id: 't0', messages: [], seq: 0});
		await until(() => wire.sent.length === 3);
		const sizes = wire.sent.map((f) => f.rooms.length);
		const asked = (trip) => wire.sent.filter((f) => f.rooms?.some((r) => r.id === trip)).length;
		const [, hundred, rest] = wire.sent;
		wire.tell({type: 'left', chat_room_id: 't1', code: 4003, message: 'not a collaborator'});
		wire.tell({type: 'left', chat_room_id: 't2', code: 1011, message: 'not now'});
		wire.tell({type: 'ack', client_id: hundred.client_id});
		wire.tell({type: 'error', code: 'too_many_rooms', message: 'no', client_id: rest.client_id});
		await until(() => asked('t2') === 2);
		wire.tell({type: 'error', code: 'rate_limited', message: 'no', client_id: wire.sent.at(-1).client_id});
		await until(() => asked('t2') === 3);
		globalThis.WebSocket = RealSocket;
		return [sizes, asked('t0'), asked('t1'), asked('t3'), asked('t189'), asked('t190'), wire.sent.length].join(' ');
	`, "1,100,89 1 1 1 1 0 5")
}

// testCountsAreNotOverwritten: a list or a count of the server is older, or newer, than what is
// heard while it is on its way.
func testCountsAreNotOverwritten(t *testing.T, c *chromium) {
	runScript(t, c, `
		globalThis.WebSocket = RealSocket;
		const told = (unread, read, seq) => ({id: 'r', trip_id: 't', title: 'T', unread, mentions: 0, read_seq: read, last_seq: seq});
		const answers = []; // to what was asked, in order
		const asks = () => new Promise((resolve, reject) => answers.push({resolve, reject}));
		const answer = async (a) => {
			await until(() => answers.length > 0);
			answers.shift().resolve(a);
			await new Promise((resolve) => setTimeout(resolve));
		};
		const socket = Object.assign(new EventTarget(), {open: true, hears: () => true});
		const rooms = new Rooms({socket, user: 'me', rest: {rooms: asks, room: asks}});
		const shown = [], expected = [];
		const expectCounts = (...counts) => { expected.push(...counts.flat()); };
		rooms.addEventListener('change', () => shown.at(-1) !== rooms.list[0].unread && shown.push(rooms.list[0].unread));
		const tell = (frame) => socket.dispatchEvent(new CustomEvent('frame', {detail: {chat_room_id: 'r', ...frame}}));
		const message = (seq) => tell({type: 'chat_message', seq, message: {seq, sender: {id: 'other'}}});
		const opened = () => socket.dispatchEvent(new Event('open'));

		opened(); // the list is asked for, refused, and asked for again
		await until(() => answers.length === 1);
		answers.shift().reject(new Error('not reached'));
		await until(() => answers.length === 1);
		message(3); // is in the room before the room is in the list
		await answer([told(1, 1, 2)]);
		await answer(told(2, 1, 3));
		expectCounts(1, 2);

		opened();
		message(4); // while an older list is on its way
		await answer([told(2, 1, 3)]);
		await answer(told(3, 1, 4));
		expectCounts(3);

		opened(); // a newer list: its last message is heard afterwards
		await answer([told(4, 1, 5)]);
		message(5);
		expectCounts(4);

		opened(); // another device reads while the list is on its way
		tell({type: 'own', read_seq: 5});
		await answer([told(4, 1, 5)]);
		expectCounts(0);
		message(6);
		expectCounts(1);

		tell({type: 'message_history', seq: 2}); // the database went back
		message(3);
		expectCounts(0, 1);
		return shown.join() === expected.join() && answers.length === 0 ? 'as expected' : shown + ' not ' + expected;
	`, "as expected")
}
