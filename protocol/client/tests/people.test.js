// Who is here, has read, types and has reacted.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { People } from '../people.js';
import { Reactions } from '../reactions.js';
import { event, history, me, message, messages, other, own, roomId, settle, trip, World } from './world.js';

test('who is here, who has read and who types is told', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 1));
  const people = new People(room);
  room.watch({ presence: true, reads: true });
  assert.deepEqual(w.socket.frames('watch'), [{ type: 'watch', presence: true, reads: true, client_id: 'watch', chat_room_id: trip }]);
  const about = { chat_room_id: roomId };
  await w.socket.says({ type: 'presence', ...about, online: 2, full: true, users: [me, other] });
  await w.socket.says({ type: 'presence', ...about, online: 2, joined: ['third'], left: [other] });
  assert.deepEqual([...people.presence.users], [me, 'third']);
  await w.socket.says({ type: 'presence', ...about, online: 120, partial: true });
  assert.deepEqual(people.presence, { online: 120, users: null, partial: true });
  await w.socket.says({ type: 'reads', ...about, reads: [{ user_id: other, seq: 4 }, { user_id: me, seq: 3 }] });
  await w.socket.says({ type: 'reads', ...about, reads: [{ user_id: other, seq: 2 }] });
  assert.equal(people.reads.get(other), 4);
  await w.socket.says({ type: 'typing', ...about, user_id: other, user_email: 'o@example.com', is_typing: true });
  assert.equal(people.typers.get(other).email, 'o@example.com');
  await w.clock.pass(7_000);
  assert.equal(people.typers.size, 0, 'the notice fades');
  await w.socket.says({ type: 'typing', ...about, user_id: other, is_typing: true }, event(2));
  assert.equal(people.typers.size, 0, 'who has written types no more');
  await w.socket.ends(1006);
  assert.equal(people.presence.online, null);
  await w.clock.pass(300);
  await w.socket.opens();
  await w.socket.says(history({ since: 2, seq: 2, has_more: false }), own());
  assert.equal(w.socket.frames('watch').length, 1, 'it is asked for again');
});

test('what others have read is forgotten when the database goes back, and nothing is heard after a close', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 3));
  const people = new People(room);
  const reads = (seq) => ({ type: 'reads', chat_room_id: roomId, reads: [{ user_id: other, seq }] });
  await w.socket.says(reads(3), history({ since: 0, messages: [], seq: 0, has_more: true }));
  assert.equal(people.reads.size, 0);
  people.close();
  await w.socket.says(reads(1));
  assert.equal(people.reads.size, 0);
});

test('own reactions are known by names, by what the server says, and by what was acknowledged', async () => {
  const w = new World();
  const named = message(1, { reactions: [{ emoji: '👍', count: 1, by: [me] }] });
  const many = message(2, { reactions: [{ emoji: '❤️', count: 20 }] });
  const room = w.caravan.room(trip);
  const mine = new Reactions(w.caravan, room);
  await settle();
  await w.socket.opens();
  await w.socket.says(history({ messages: [named, many], seq: 2 }), own({ reactions: { 'message-2': ['❤️'] } }));
  assert.deepEqual([...mine.chosen('message-1')], ['👍']);
  assert.deepEqual([...mine.chosen('message-2')], ['❤']);
  const done = room.react('message-2', '❤️', false);
  const [{ client_id: id, ...frame }] = w.socket.frames('react');
  assert.deepEqual(frame, { type: 'react', message_id: 'message-2', emoji: '❤️', on: false, chat_room_id: trip });
  await w.socket.says({ type: 'ack', chat_room_id: roomId, client_id: id });
  await done;
  assert.deepEqual([...mine.chosen('message-2')], []);
});

test('one\'s own reaction is there at once, and no summary from before takes it away', async () => {
  const w = new World();
  const room = await w.enters([message(1)]);
  const mine = new Reactions(w.caravan, room);
  const summary = (rev, ...by) => {
    const set = { reactions: by.length ? [{ emoji: '👍', count: by.length, by }] : null };
    return { type: 'message_patch', chat_room_id: roomId, message_id: 'message-1', set, rev, seq: rev };
  };
  const seen = [];
  mine.on('reactions', () => seen.push(mine.chosen('message-1').has('👍')));
  room.on('messages', () => seen.push(mine.chosen('message-1').has('👍')));
  const done = room.react('message-1', '👍', true);
  await w.socket.says(summary(2, other), { type: 'ack', chat_room_id: roomId, client_id: done.clientId }, summary(3, other), summary(4, other, me));
  assert.ok(seen.length >= 4);
  assert.deepEqual(new Set(seen), new Set([true]));
  await w.clock.pass(11_000);
  await w.socket.says(summary(5, other));
  assert.equal(mine.chosen('message-1').size, 0, 'another device of the user has taken it away');
});

test('a choice that is refused is none', async () => {
  const w = new World();
  const room = await w.enters([message(1)]);
  const mine = new Reactions(w.caravan, room);
  const sent = room.react('message-1', '👍', true);
  assert.equal(mine.chosen('message-1').size, 1);
  await w.socket.says({ type: 'error', code: 'not_allowed', client_id: sent.clientId, chat_room_id: roomId });
  assert.equal(mine.chosen('message-1').size, 0);
});
