// Connecting, tokens, closes, and many rooms on one socket.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { roomSockets } from '../room-socket.js';
import { event, history, me, message, messages, other, own, roomId, seqs, settle, token, trip, World } from './world.js';

const second = '5d3e9c1a-52f4-4f1f-9d3c-6f1f5a9a7e21';

test('the token goes in a subprotocol, and one socket serves all rooms', async () => {
  const w = new World();
  for (let i = 0; i < 130; i++) w.caravan.room(`5d3e9c1a-52f4-4f1f-9d3c-${String(i).padStart(12, '0')}`);
  await settle();
  assert.equal(w.socket.url, 'wss://chat.example/ws/chat/?v=2');
  assert.deepEqual(w.socket.protocols, ['caravan', `token.${token()}`]);
  assert.equal(w.caravan.user, me);
  await w.socket.opens();
  assert.deepEqual(w.socket.frames('subscribe').map((f) => f.rooms.length), [100, 30]);
  await w.socket.says({ type: 'pong' });
  assert.equal(w.caravan.state.phase, 'live');
});

test('a room\'s own socket resumes in its address, and fills holes by a new connection', async () => {
  const w = new World({ standIn: roomSockets });
  const room = w.caravan.room(trip);
  await w.clock.pass(1);
  assert.equal(w.socket.url, `wss://chat.example/ws/chat/${trip}/?v=2`);
  await w.socket.opens();
  await w.socket.says(history({ messages: messages(1, 2), seq: 2 }), own());
  assert.equal(w.caravan.state.phase, 'live');
  room.typing(true);
  assert.deepEqual(w.socket.sent, [{ type: 'ping' }, { type: 'typing', is_typing: true }]);
  await w.socket.says(event(5));
  assert.equal(w.sockets.length, 2);
  assert.equal(w.socket.url, `wss://chat.example/ws/chat/${trip}/?v=2&since=2&since_id=message-2`);
  await w.socket.opens();
  await w.socket.says(history({ since: 2, messages: messages(3, 4), seq: 4, has_more: true }), own());
  assert.match(w.socket.url, /since=4&since_id=message-4$/);
  await w.socket.opens();
  await w.socket.says(history({ since: 4, messages: [message(5)], seq: 5, has_more: false }), own());
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5]);
  const sent = room.send('one');
  await w.socket.says({ type: 'error', code: 'too_long', client_id: sent.clientId });
  await assert.rejects(sent, { code: 'too_long' });
  await w.socket.ends(1012);
  assert.equal(w.caravan.state.phase, 'waiting');
  await w.clock.pass(1_000);
  assert.match(w.socket.url, /since=5&since_id=message-5$/);
  await w.socket.ends(4003);
  assert.equal(room.state.phase, 'left');
});

test('of several rooms with their own sockets one may end alone', async () => {
  const w = new World({ standIn: roomSockets });
  const rooms = [w.caravan.room(trip), w.caravan.room(second)];
  await w.clock.pass(1);
  for (const [i, socket] of [...w.sockets].entries()) {
    await socket.opens();
    await socket.says(history(i ? { chat_room_id: 'another', trip_id: second } : {}), own());
  }
  await w.sockets[0].ends(1006);
  assert.deepEqual(rooms.map((r) => r.state.phase), ['waiting', 'live']);
  await w.clock.pass(1_000);
  assert.equal(w.sockets.length, 3);
  assert.match(w.socket.url, /since=0$/);
  await w.sockets[1].ends(4001);
  assert.equal(w.tokens.at(-1), true);
  rooms[0].close();
  assert.equal(w.sockets[2].closed, true);
  w.caravan.close();
});

/** A client with these rooms, each with a socket of its own that is open and heard. */
async function ownSockets(...ids) {
  const w = new World({ standIn: roomSockets });
  const rooms = ids.map((id) => w.caravan.room(id));
  await w.clock.pass(1);
  for (const [i, socket] of [...w.sockets].entries()) {
    await socket.opens();
    await socket.says(history({ chat_room_id: `room ${i}`, trip_id: ids[i] }), own());
  }
  return { w, rooms };
}

test('a token that ends is replaced once for all rooms, also for those that come later', async () => {
  const { w } = await ownSockets(trip, second, other);
  const late = w.caravan.room(me);
  await settle();
  for (const socket of w.sockets.slice(0, 3)) await socket.says({ type: 'token_expiring', expires_at: 'soon' });
  assert.deepEqual(w.tokens, [false, true]);
  assert.deepEqual(w.sockets.map((s) => s.frames('auth').length), [1, 1, 1, 0]);
  await w.socket.opens();
  assert.equal(w.socket.frames('auth')[0].token, token(2), 'it was opened with the old one');
  late.close();
  w.caravan.room('5d3e9c1a-52f4-4f1f-9d3c-000000000001');
  await settle();
  assert.equal(w.socket.protocols[1], `token.${token(2)}`);
  await w.socket.opens();
  assert.deepEqual(w.socket.frames('auth'), []);
  w.caravan.close();
});

test('one dead socket of a room is noticed beside one that is heard', async () => {
  const { w, rooms } = await ownSockets(trip, second);
  for (let s = 0; s < 35; s += 5) await w.clock.pass(5_000).then(() => w.sockets[0].says({ type: 'pong' }));
  assert.equal(w.sockets[1].frames('ping').length, 1);
  assert.equal(w.sockets[0].closed, false);
  assert.equal(w.sockets[1].closed, true);
  assert.equal(rooms[0].state.phase, 'live');
  assert.match(w.sockets[2].url, new RegExp(`${second}/\\?v=2&since=0$`));
  await w.clock.pass(12_000).then(() => w.sockets[0].says({ type: 'pong' }));
  assert.equal(w.sockets[2].closed, true, 'nor does a handshake wait for ever');
  w.caravan.close();
  assert.equal(w.clock.waiting, 0, 'no timer is left');
});

test('without a room there is no socket to be missed, and one that is asked for later is opened at once', async () => {
  const w = new World({ standIn: roomSockets });
  await w.clock.pass(120_000);
  assert.equal(w.caravan.state.phase, 'live');
  assert.deepEqual(w.tokens, [false]);
  w.caravan.room(trip);
  await settle();
  assert.equal(w.sockets.length, 1);
  w.caravan.close();
});

test('attempts come later and later, up to half a minute, and a good connection begins again', async () => {
  const w = new World();
  const waits = [];
  w.caravan.on('state', ({ phase, retryAt }) => phase === 'waiting' && waits.push(retryAt - w.clock.now));
  await settle();
  for (let i = 0; i < 9; i++) {
    await w.socket.ends(1006);
    await w.clock.pass(waits.at(-1));
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  await w.socket.opens();
  await w.socket.says({ type: 'pong' });
  await w.clock.pass(11_000);
  await w.socket.ends(1006);
  assert.equal(waits.at(-1), 250);
});

test('a server that stops says when to come back', async () => {
  const w = new World();
  await w.enters();
  await w.socket.says({ type: 'closing', reconnect_after_ms: 640 });
  await w.socket.ends(1012);
  await w.clock.pass(639);
  assert.equal(w.sockets.length, 1);
  await w.clock.pass(1);
  assert.equal(w.sockets.length, 2);
});

test('a refused token is replaced at once, and then after a pause', async () => {
  const w = new World();
  await settle();
  await w.socket.opens();
  await w.socket.ends(4001);
  assert.equal(w.sockets.length, 2);
  assert.deepEqual(w.tokens, [false, true]);
  assert.deepEqual(w.socket.protocols[1], `token.${token(2)}`);
  await w.socket.ends(4001);
  assert.equal(w.sockets.length, 2);
  assert.equal(w.caravan.state.code, 4001);
  await w.clock.pass(300);
  await w.socket.opens();
  await w.socket.says({ type: 'pong' });
  await w.socket.ends(1006);
  await w.clock.pass(1_000);
  assert.deepEqual(w.tokens, [false, true, true, false]);
});

test('a token that cannot be got is asked for again', async () => {
  let failures = 2;
  const w = new World({ token: async () => (failures-- > 0 ? Promise.reject(new Error('sign in')) : token()) });
  await settle();
  assert.equal(w.caravan.state.error.message, 'sign in');
  await w.clock.pass(1_000);
  assert.equal(w.sockets.length, 1);
});

test('a token that never comes is asked for again', async () => {
  let asked = 0;
  const w = new World({ token: () => (asked++ ? token() : new Promise(() => {})) });
  await w.clock.pass(60_000);
  assert.equal(w.caravan.state.error.code, 'timeout');
  await w.clock.pass(1_000);
  assert.equal(w.sockets.length, 1);
  w.caravan.close();
});

test('a fresh token that cannot be got is asked for by one timer', async () => {
  const w = new World();
  await w.enters();
  await w.socket.says({ type: 'token_expiring', expires_at: 'soon' });
  for (let i = 0; i < 5; i++) await w.socket.says({ type: 'error', code: 'rate_limited', client_id: 'auth' });
  await w.clock.pass(12_000).then(() => w.socket.says({ type: 'pong' }));
  assert.equal(w.socket.frames('auth').length, 2);
  w.caravan.close();
});

test('the connection goes on with a fresh token, asked for again where it could not be checked', async () => {
  const w = new World();
  await w.enters();
  await w.socket.says({ type: 'token_expiring', expires_at: 'soon' });
  assert.deepEqual(w.socket.frames('auth'), [{ type: 'auth', token: token(2), client_id: 'auth' }]);
  await w.socket.says({ type: 'error', code: 'unavailable', client_id: 'auth' });
  await w.clock.pass(5_000);
  assert.equal(w.socket.frames('auth').length, 2);
  await w.socket.says({ type: 'ack', client_id: 'auth', expires_at: 'later' });
  await w.clock.pass(6_000);
  assert.equal(w.socket.frames('auth').length, 2);
  assert.deepEqual(w.tokens, [false, true, true]);
});

test('a connection that falls silent is probed, and then given up', async () => {
  const w = new World();
  await w.enters();
  const [first] = w.sockets;
  await w.clock.pass(22_000);
  assert.equal(first.frames('ping').length, 2);
  await first.says({ type: 'pong' });
  await w.clock.pass(22_000);
  await w.clock.pass(12_000);
  assert.equal(first.closed, true);
  assert.equal(w.sockets.length, 2);
});

test('a machine that slept probes at once, also after its clock was set back', async () => {
  const w = new World();
  await w.enters();
  await w.socket.says({ type: 'pong' });
  w.clock.now += 600_000;
  await w.clock.pass(1_000);
  assert.equal(w.socket.frames('ping').length, 2);
  await w.socket.says({ type: 'pong' });
  w.clock.now -= 3_600_000;
  await w.clock.pass(3_630_000);
  assert.equal(w.socket.closed || w.socket.frames('ping').length > 2, true);
});

test('a handshake that never ends is given up', async () => {
  const w = new World();
  await settle();
  await w.clock.pass(12_000);
  assert.equal(w.sockets[0].closed, true);
});

test('what is no frame of ours ends the connection', async () => {
  const w = new World();
  await settle();
  await w.socket.opens();
  w.socket.onmessage({ data: '<html>' });
  await settle();
  assert.equal(w.caravan.state.phase, 'waiting');
});

test('one room that is lost leaves the others; one that may not be read is given up', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 1));
  const lost = w.caravan.room(second);
  await settle();
  const pending = lost.send('never');
  await w.socket.says({ type: 'left', chat_room_id: second, code: 4003, message: 'not a collaborator of this trip' });
  assert.deepEqual(lost.state, { phase: 'left', code: 4003 });
  await assert.rejects(pending, { code: 'forbidden' });
  await w.socket.says({ type: 'left', chat_room_id: roomId, code: 1011, message: 'later' });
  assert.equal(room.state.phase, 'waiting');
  await w.clock.pass(1_000);
  assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms, [{ id: trip, since: 1, since_id: 'message-1' }]);
  await w.socket.says(history({ since: 1, messages: [message(2)], seq: 2, has_more: false }), own());
  assert.deepEqual(seqs(room), [1, 2]);
  const anew = w.caravan.room(second);
  assert.notEqual(anew, lost, 'it may be asked for anew');
});

test('one faulty room in a frame does not keep the others out', async () => {
  const w = new World();
  const [good, bad] = [w.caravan.room(trip), w.caravan.room('nonsense')];
  await settle();
  await w.socket.opens();
  await w.socket.says({ type: 'error', code: 'invalid_field', client_id: 'rooms-1' });
  assert.deepEqual(w.socket.frames('subscribe').slice(1).map((f) => f.rooms), [[{ id: trip }], [{ id: 'nonsense' }]]);
  await w.socket.says({ type: 'error', code: 'invalid_field', client_id: 'rooms-3' }, history({}), own());
  assert.equal(good.state.phase, 'live');
  assert.equal(bad.state.phase, 'left');
});

for (const code of ['rate_limited', 'too_many_rooms']) {
  test(`a room that is refused with ${code} is asked for again`, async () => {
    const w = new World();
    w.caravan.room(trip);
    await settle();
    await w.socket.opens();
    await w.socket.says({ type: 'error', code, client_id: 'rooms-1' });
    await w.clock.pass(2_000);
    assert.equal(w.socket.frames('subscribe').length, 2);
  });
}

test('a close gives back all that there is', async () => {
  const w = new World();
  const room = await w.enters();
  room.read(1);
  const sent = room.send('one');
  await w.socket.says({ type: 'typing', chat_room_id: roomId, user_id: other, is_typing: true });
  w.caravan.close();
  await assert.rejects(sent, { code: 'closed' });
  await settle();
  assert.equal(w.clock.waiting, 0, 'no timer is left');
  assert.equal(w.socket.closed, true);
  assert.equal(w.sockets.length, 1);
  assert.equal(room.state.phase, 'closed');
});

test('a room that is closed is unsubscribed', async () => {
  const w = new World();
  const room = await w.enters();
  room.close();
  assert.deepEqual(w.socket.frames('unsubscribe'), [{ type: 'unsubscribe', rooms: [trip] }]);
  await w.socket.says(event(1));
  assert.deepEqual(seqs(room), []);
});

test('REST takes a fresh token where one is refused', async () => {
  const w = new World();
  await settle();
  let calls = 0;
  w.answers = () => (calls++ ? { body: { results: [] } } : { status: 401, body: { code: 'unauthorized' } });
  assert.deepEqual(await w.caravan.rest('GET', 'rooms/'), { results: [] });
  assert.deepEqual(w.tokens, [false, false, true]);
  w.answers = () => ({ status: 403, body: { code: 'not_allowed', detail: 'no' } });
  await assert.rejects(w.caravan.rest('PUT', 'messages/x/pin/'), { code: 'not_allowed', message: 'no', status: 403 });
});

test('a room that was lost is followed anew, by both of its ids', async () => {
  const w = new World();
  const lost = await w.enters(messages(1, 1));
  await w.socket.says({ type: 'left', chat_room_id: roomId, code: 4003, message: 'not a collaborator of this trip any more' });
  assert.equal(lost.state.phase, 'left');
  const room = w.caravan.room(trip);
  await settle();
  assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms, [{ id: trip }]);
  await w.socket.says(history({ messages: messages(1, 2), seq: 2 }), own(), event(3));
  assert.deepEqual(seqs(room), [1, 2, 3]);
  assert.equal(w.caravan.room(roomId), room);
  w.caravan.close();
  assert.throws(() => w.caravan.room(trip), { code: 'closed' });
});

test('a room that is asked for by both of its ids before they are known hears all by both', async () => {
  const w = new World();
  const rooms = [w.caravan.room(trip), w.caravan.room(roomId.toUpperCase())];
  await settle();
  await w.socket.opens();
  assert.deepEqual(w.socket.frames('subscribe')[0].rooms, [{ id: trip }, { id: roomId }]);
  await w.socket.says(history({ messages: messages(1, 2), seq: 2 }), own(), history({ messages: messages(1, 2), seq: 2 }), own(), event(3));
  for (const room of rooms) assert.deepEqual(seqs(room), [1, 2, 3]);
  const [one, two] = rooms.map((room) => room.send('refused'));
  const problems = [];
  for (const room of rooms) room.on('problem', (p) => problems.push(p));
  await w.socket.says({ type: 'error', code: 'too_long', client_id: one.clientId, chat_room_id: roomId });
  await assert.rejects(one, { code: 'too_long' });
  assert.deepEqual(problems, [], 'the other has not asked');
  await w.socket.says(event(4, { sender: { id: me }, client_id: two.clientId }));
  assert.equal((await two).seq, 4);
  rooms[0].close();
  assert.deepEqual(w.socket.frames('unsubscribe'), [], 'the other still listens');
  assert.equal(w.caravan.room(trip), rooms[1]);
  rooms[1].close();
  assert.equal(w.socket.frames('unsubscribe').length, 1);
});

test('what REST cannot reach is told by a code', async () => {
  const w = new World();
  w.answers = () => ({ status: 0 });
  await assert.rejects(w.caravan.rest('GET', 'rooms/'), { name: 'CaravanError', code: 'unreachable', message: 'fetch failed' });
  w.answers = () => ({ status: 502, body: {} });
  await assert.rejects(w.caravan.rest('GET', 'rooms/'), { code: 'unknown_outcome', status: 502 });
});
