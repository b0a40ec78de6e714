// The list of a user's rooms, and what is unread in each.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { orLongPoll } from '../fallback.js';
import { Rooms } from '../rooms.js';
import { event, history, me, message, messages, other, own, roomId, seqs, settle, trip, World } from './world.js';

const at = (m, time) => ({ ...m, created_at: `2026-01-02T03:04:0${time}Z` });
const row = (more) => ({
  id: roomId, trip_id: trip, title: 'Trip 7', last_seq: 40, last_message: at(message(40), 1), read_seq: 38, unread: 2, mentions: 1, role: 'member', ...more,
});
const second = { id: 'room-2', trip_id: 'trip-2', title: 'Trip 8', last_message: at(message(9, { chat_room_id: 'room-2' }), 5), last_seq: 9, read_seq: 9, unread: 0, mentions: 0 };

/** A list of rooms, followed by a client that is connected. */
async function listed(rows, options) {
  const w = new World(options);
  w.rows = rows;
  w.answers = ({ path }) => {
    const one = w.rows.find((r) => path === `rooms/${r.id}/`);
    if (path.includes('/messages/')) return { body: { results: [] } };
    return { body: one ?? { results: w.rows, next: null } };
  };
  const rooms = new Rooms(w.caravan);
  await settle();
  return { w, rooms };
}

/** The newest socket opens, and is heard. */
async function goesLive(w) {
  await w.socket.opens();
  await w.socket.says({ type: 'pong' });
}

/** What the server says of a room that is subscribed for its last message. */
const last = (seq, read) => [history({ messages: [at(message(seq), 1)], seq }), own({ read_seq: read })];

test('the list is asked for page by page, and its rooms are followed by their last message', async () => {
  const w = new World();
  w.answers = ({ path }) => (path.includes('after')
    ? { body: { results: [second], next: null } }
    : { body: { results: [row()], next: 'https://elsewhere.example/api/v1/chat/rooms/?limit=100&after=x' } });
  const rooms = new Rooms(w.caravan);
  await settle();
  await goesLive(w);
  assert.deepEqual(w.calls.map((c) => c.path).slice(0, 2), ['rooms/?limit=100', 'rooms/?limit=100&after=x']);
  assert.deepEqual(rooms.list.map((r) => [r.title, r.unread, r.mentions, r.role]), [['Trip 8', 0, 0, undefined], ['Trip 7', 2, 1, 'member']]);
  assert.equal(rooms.unread, 2);
  assert.equal(rooms.loaded, true);
  assert.deepEqual(w.socket.frames('subscribe')[0].rooms, [{ id: 'trip-2', limit: 1 }, { id: trip, limit: 1 }]);
  w.caravan.close();
  assert.equal(w.clock.waiting, 0, 'no timer is left');
});

test('what comes is counted, what is read is not, and the latest room stands in front', async () => {
  const { w, rooms } = await listed([row(), second]);
  await w.socket.opens();
  await w.socket.says(...last(40, 38));
  const told = [];
  rooms.on('rooms', (list) => told.push(list[0].title));
  const says = (seq, more, time = 9) => w.socket.says({ type: 'chat_message', message: at(message(seq, more), time), seq });
  await says(41, { mentions: [me] });
  await says(42, { sender: { id: me } });
  await says(43, { mentions_all: true, content: 'the last' });
  const [first] = rooms.list;
  assert.deepEqual([first.title, first.unread, first.mentions, first.lastMessage.content], ['Trip 7', 4, 3, 'the last']);
  assert.deepEqual(told, ['Trip 7', 'Trip 7', 'Trip 7']);
  w.caravan.room(trip).read(42);
  await settle();
  assert.deepEqual([rooms.list[0].unread, rooms.list[0].mentions, rooms.list[0].readSeq], [1, 1, 42]);
  await w.socket.says({ type: 'own', chat_room_id: roomId, read_seq: 43 });
  assert.deepEqual([rooms.list[0].unread, rooms.unread], [0, 0], 'on another device');
});

test('where what is held is not enough the room is asked for', async () => {
  const { w, rooms } = await listed([row({ unread: 20, read_seq: 10 })]);
  await w.socket.opens();
  await w.socket.says(...last(40, 10));
  assert.equal(rooms.unread, 20);
  w.rows = [row({ unread: 15, read_seq: 20, mentions: 0 })];
  await w.socket.says({ type: 'own', chat_room_id: roomId, read_seq: 20 });
  await w.clock.pass(1_500);
  assert.equal(w.calls.at(-1).path, `rooms/${roomId}/`);
  assert.deepEqual([rooms.unread, rooms.list[0].mentions], [15, 0]);
  w.rows = [row({ unread: 14, read_seq: 20, mentions: 0, last_seq: 41 })];
  await w.socket.says({ type: 'message_edited', message: at(message(30, { rev: 41, deleted_at: 'now' }), 1), seq: 41 });
  await w.socket.says({ type: 'message_edited', message: at(message(40, { rev: 42, deleted_at: 'now' }), 1), seq: 42 });
  await w.clock.pass(1_500);
  assert.equal(rooms.unread, 14);
  assert.equal(w.calls.filter((c) => c.path === `rooms/${roomId}/`).length, 2);
});

test('a room that is opened has its page, and counts what is held', async () => {
  const { w, rooms } = await listed([row()]);
  await w.socket.opens();
  await w.socket.says(...last(40, 38));
  const answers = w.answers;
  w.answers = (call) => (call.path.includes('before=40') ? { body: { results: messages(1, 39) } } : answers(call));
  const room = w.caravan.room(trip);
  await settle();
  assert.equal(seqs(room).length, 40);
  assert.equal(rooms.list[0].unread, 2);
  await w.socket.says({ type: 'message_edited', message: at(message(39, { rev: 41, deleted_at: 'now' }), 1), seq: 41 });
  assert.equal(rooms.list[0].unread, 1, 'what is deleted is not unread');
  await w.socket.says(...messages(42, 200).map((m) => event(m.seq)));
  assert.equal(seqs(room).length, 199);
  assert.equal(rooms.list[0].unread, 100);
});

test('rooms come and go with the list, and one that is lost goes at once', async () => {
  const { w, rooms } = await listed([row()]);
  await w.socket.opens();
  await w.socket.says(...last(40, 40));
  await w.socket.says({ type: 'left', chat_room_id: roomId, code: 4003, message: 'not a collaborator of this trip any more' });
  assert.deepEqual(rooms.list, []);
  w.rows = [row(), second];
  await rooms.refresh();
  await settle();
  assert.deepEqual(rooms.list.map((r) => r.title), ['Trip 8', 'Trip 7']);
  assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms.map((r) => r.id), ['trip-2', trip]);
  await w.socket.says(...last(40, 40));
  w.rows = [second];
  await w.socket.ends(1006);
  await w.clock.pass(700);
  await w.socket.opens();
  await w.socket.says({ type: 'pong' });
  assert.deepEqual(rooms.list.map((r) => r.title), ['Trip 8'], 'a new connection looks at the list');
});

test('a list that cannot be read is asked for again, and over REST more often', async () => {
  const { w, rooms } = await listed([row()], { standIn: orLongPoll });
  w.block();
  const problems = [];
  rooms.on('problem', ({ code }) => problems.push(code));
  w.answers = () => ({ status: 0 });
  await assert.rejects(rooms.refresh(), { code: 'unreachable' });
  const lists = () => w.calls.filter((c) => c.path === 'rooms/?limit=100').length;
  w.answers = ({ path }) => ({ body: path === 'rooms/?limit=100' ? { results: [second], next: null } : { id: 'room-2', trip_id: 'trip-2', results: [], seq: 9 } });
  await w.socket.ends(1006);
  await w.clock.pass(30_000);
  assert.equal(w.caravan.state.phase, 'fallback');
  assert.equal(rooms.list[0].title, 'Trip 8');
  const before = lists();
  await w.clock.pass(45_000);
  assert.ok(lists() - before >= 2);
  rooms.close();
  w.caravan.close();
  assert.deepEqual(problems, []);
});

test('more rooms than are followed are listed all the same', async () => {
  const many = Array.from({ length: 130 }, (_, i) => ({ ...second, id: `room-${i}`, trip_id: `trip-${i}` }));
  const { w, rooms } = await listed(many);
  await goesLive(w);
  assert.equal(rooms.list.length, 130);
  assert.equal(w.socket.frames('subscribe').flatMap((f) => f.rooms).length, 100);
  assert.equal(rooms.list[0].lastMessage.sender.id, other);
});

test('a room that is opened before it has answered as a listed one has its page, too', async () => {
  const { w } = await listed([row()]);
  await goesLive(w);
  const room = w.caravan.room(trip);
  const answers = w.answers;
  w.answers = (call) => (call.path.includes('before=40') ? { body: { results: messages(1, 39) } } : answers(call));
  await w.socket.says(...last(40, 38));
  assert.equal(seqs(room).length, 40);
  w.caravan.close();
});

/** So many rooms, the first one with the latest message. */
const many = (n) => Array.from({ length: n }, (_, i) => ({ ...second, id: `room-${i}`, trip_id: `trip-${i}`, last_message: { ...second.last_message, created_at: `${2100 - i}` } }));

test('over REST no room is followed that is only listed', async () => {
  for (const wasLive of [false, true]) {
    const { w, rooms } = await listed(many(100), { standIn: orLongPoll });
    const opened = w.caravan.room('trip-7');
    if (wasLive) {
      await goesLive(w);
      assert.equal(w.socket.frames('subscribe').flatMap((f) => f.rooms).length, 100);
    }
    w.block();
    w.answers = ({ path }) => {
      if (path.startsWith('rooms/?')) return { body: { results: w.rows, next: null } };
      return { body: { id: 'room-7', trip_id: 'trip-7', role: 'member', read_seq: 0, results: [], seq: 0 } };
    };
    const before = w.calls.length;
    await w.socket.ends(1006);
    await w.clock.pass(5_000);
    assert.equal(w.caravan.state.phase, 'fallback');
    assert.equal(opened.state.phase, 'live');
    const asked = w.calls.slice(before).map((c) => c.path.split('/')[1]).filter((id) => id && !id.startsWith('?'));
    assert.deepEqual([...new Set(asked)], ['trip-7']);
    assert.equal(rooms.list.length, 100);
    w.caravan.close();
  }
});

test('what falls behind the latest rooms is let go, unless it is open', async () => {
  const { w, rooms } = await listed(many(120));
  const opened = w.caravan.room('trip-99');
  await goesLive(w);
  w.rows = [...w.rows.slice(20), ...w.rows.slice(0, 20)].map((row, i) => ({ ...row, last_message: { ...row.last_message, created_at: `${2100 - i}` } }));
  await rooms.refresh();
  await settle();
  w.rows = w.rows.slice(90).map((row, i) => ({ ...row, last_message: { ...row.last_message, created_at: `${2300 - i}` } })).concat(w.rows.slice(0, 90));
  await rooms.refresh();
  await settle();
  const count = (type) => w.socket.frames(type).flatMap((f) => f.rooms).length;
  assert.equal(count('subscribe') - count('unsubscribe'), 101, 'the latest, and the open one; the server takes 200');
  assert.notEqual(opened.state.phase, 'closed');
  w.caravan.close();
});

test('a listed room that the page closes is followed again', async () => {
  const { w, rooms } = await listed([row()]);
  const room = w.caravan.room(trip);
  await goesLive(w);
  await w.socket.says(...last(40, 38));
  room.close();
  await settle();
  assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms, [{ id: trip, limit: 1 }]);
  await w.socket.says(...last(40, 38));
  await w.socket.says({ type: 'own', chat_room_id: roomId, read_seq: 40 });
  assert.equal(rooms.unread, 0);
  w.caravan.close();
});

test('a mark that does not get through is no reason to ask each second', async () => {
  const { w } = await listed([row({ unread: 20, read_seq: 10 })]);
  await goesLive(w);
  await w.socket.says(...last(40, 10));
  await w.socket.ends(1006);
  w.caravan.room(trip, true).read(30);
  const asks = () => w.calls.filter((c) => c.path === `rooms/${roomId}/`).length;
  await w.clock.pass(20_000);
  assert.equal(asks(), 1);
  w.caravan.room(trip, true).read(35);
  await w.clock.pass(20_000);
  assert.equal(asks(), 2, 'until more is read');
  w.caravan.close();
});

test('a list older than what was heard takes nothing back, and one that knows it counts it once', async () => {
  const { w, rooms } = await listed([row()]);
  await w.socket.opens();
  await w.socket.says(...last(40, 38));
  await w.socket.says(event(41, { mentions: [me] }));
  const counts = () => rooms.list.map((r) => [r.unread, r.mentions, r.lastMessage.seq]);
  assert.deepEqual(counts(), [[3, 2, 41]]);
  await rooms.refresh();
  await settle();
  assert.deepEqual(counts(), [[3, 2, 41]], 'as the server knew it before');
  w.rows = [row({ last_seq: 41, last_message: at(message(41), 2), unread: 3, mentions: 2 })];
  await rooms.refresh();
  await settle();
  assert.deepEqual(counts(), [[3, 2, 41]], 'as it knows it now');
});

test('what another device reads while the list is on its way is read', async () => {
  const { w, rooms } = await listed([row()]);
  await w.socket.opens();
  await w.socket.says(...last(40, 38));
  assert.equal(rooms.unread, 2);
  const { answers } = w;
  let give;
  w.answers = async (call) => {
    const answer = answers(call); // as it is now
    await new Promise((resolve) => (give = resolve));
    return answer;
  };
  for (const [read, unread] of [[39, 1], [40, 0]]) {
    const refreshed = rooms.refresh();
    await settle();
    await w.socket.says({ type: 'own', chat_room_id: roomId, read_seq: read });
    assert.equal(rooms.unread, unread);
    give();
    await refreshed;
    await settle();
    assert.deepEqual(rooms.list.map((r) => [r.unread, r.readSeq]), [[unread, read]]);
  }
});

test('where the database went back the counts do', async () => {
  const { w, rooms } = await listed([row()]);
  await goesLive(w);
  await w.socket.says(...last(40, 38));
  await w.socket.says(event(41));
  assert.equal(rooms.unread, 3);
  w.rows = [row({ last_seq: 5, last_message: at(message(5), 1), read_seq: 3, unread: 2, mentions: 0 })];
  await w.socket.ends(1006);
  await w.clock.pass(1_000);
  await goesLive(w);
  await w.socket.says(history({ seq: 5 }));
  await w.clock.pass(1_000);
  assert.equal(w.socket.frames('subscribe').at(-1).rooms[0].since, undefined, 'asked for anew');
  await w.socket.says(...last(5, 3));
  assert.deepEqual(rooms.list.map((r) => [r.unread, r.mentions, r.readSeq, r.lastMessage.seq]), [[2, 0, 3, 5]]);
  await w.socket.says(event(6));
  assert.equal(rooms.unread, 3);
});
