// What is promised of a room: nothing lost, repeated or reordered.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { event, history, me, message, messages, own, roomId, seqs, trip, World } from './world.js';

test('a room begins with its newest page and goes on with events', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 3));
  assert.deepEqual(w.socket.frames('subscribe'), [{ type: 'subscribe', rooms: [{ id: trip }], client_id: 'rooms-1' }]);
  await w.socket.says(event(4), event(5));
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5]);
  assert.equal(room.state.phase, 'live');
  assert.equal(room.role, 'member');
});

test('each change is told once, also where histories and events overlap', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  const told = [];
  room.on('messages', ({ changed }) => told.push(...changed.map((m) => m.rev)));
  await w.socket.says(event(3), event(3), event(2));
  await w.socket.says({ type: 'message_edited', message: message(1, { rev: 4, content: 'new' }), seq: 4 });
  assert.deepEqual(told, [3, 4]);
  assert.equal(room.messages[0].content, 'new');
});

test('a hole is filled from where we stood, and what came early is kept', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  await w.socket.says(event(5), event(6));
  assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms, [{ id: trip, since: 2, since_id: 'message-2' }]);
  assert.equal(w.socket.frames('subscribe').length, 2, 'it is asked for once');
  await w.socket.says(history({ since: 2, messages: messages(3, 4), seq: 4, has_more: false }), own());
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5, 6]);
  await w.socket.says(event(7));
  assert.deepEqual(seqs(room).at(-1), 7);
});

test('a hole that stays is asked for later and later, not without end at once', async () => {
  const w = new World();
  await w.enters(messages(1, 2));
  await w.socket.says(event(9));
  for (let i = 0; i < 5; i++) {
    await w.socket.says(history({ since: 2, messages: [], seq: 2, has_more: false }), event(9));
  }
  assert.equal(w.socket.frames('subscribe').length, 2);
  await w.clock.pass(10_000);
  assert.equal(w.socket.frames('subscribe').length, 3);
});

test('prev says that numbers were passed, and is no hole', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  await w.socket.says(event(9, {}, { prev: 2 }));
  assert.deepEqual(seqs(room), [1, 2, 9]);
  assert.equal(w.socket.frames('subscribe').length, 1);
});

test('a connection that breaks is resumed, page after page', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  await w.socket.ends(1006);
  assert.equal(room.state.phase, 'waiting');
  await w.clock.pass(300);
  assert.equal(w.sockets.length, 2);
  await w.socket.opens();
  assert.deepEqual(w.socket.frames('subscribe')[0].rooms, [{ id: trip, since: 2, since_id: 'message-2' }]);
  await w.socket.says(history({ since: 2, messages: messages(3, 4), seq: 4, has_more: true }), own(), event(8));
  assert.deepEqual(w.socket.frames('subscribe')[1].rooms, [{ id: trip, since: 4, since_id: 'message-4' }]);
  await w.socket.says(history({ since: 4, messages: messages(5, 7), seq: 7, has_more: false }), own());
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('more early events than are kept are fetched once more', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  await w.socket.says(event(4), ...messages(5, 1100).map((m) => event(m.seq)));
  await w.socket.says(history({ since: 2, messages: [message(3)], seq: 3, has_more: false }), own());
  await w.clock.pass(1_000);
  assert.equal(seqs(room).at(-1), 1003);
  assert.equal(w.socket.frames('subscribe').at(-1).rooms[0].since, 1003);
  await w.socket.says(history({ since: 1003, messages: messages(1004, 1100), seq: 1100, has_more: false }), own());
  assert.equal(seqs(room).at(-1), 1100);
});

for (const [name, answer] of [
  ['says so', history({ since: 0, messages: [], seq: 0, has_more: true })],
  ['has a smaller number', history({ since: 3, messages: [], seq: 2, has_more: false })],
  ['answers from before', history({ since: 1, messages: [], seq: 7, has_more: false })],
]) {
  test(`a database that went back and ${name} has the client begin anew`, async () => {
    const w = new World();
    const room = await w.enters(messages(1, 3));
    await w.socket.ends(1012);
    await w.clock.pass(300);
    await w.socket.opens();
    await w.socket.says(answer);
    assert.deepEqual(seqs(room), [], 'what was lost is forgotten');
    await w.socket.says({ type: 'left', chat_room_id: trip, code: 1012, message: 'the room has changed' });
    await w.clock.pass(2_000);
    assert.deepEqual(w.socket.frames('subscribe').at(-1).rooms, [{ id: trip }]);
    await w.socket.says(history({ messages: [message(1, { id: 'another' })], seq: 1 }), own());
    assert.deepEqual(room.messages.map((m) => m.id), ['another']);
    await w.clock.pass(60_000);
    assert.deepEqual(room.messages.map((m) => m.id), ['another']);
  });
}

test('patches set and take away members; older ones and those of what is not held are passed over', async () => {
  const w = new World();
  const room = await w.enters([message(5), message(6)], 6);
  const patch = (id, set, rev, more) => ({ type: 'message_patch', chat_room_id: roomId, message_id: id, set, rev, seq: rev, ...more });
  await w.socket.says(patch('message-5', { pinned_at: 'now', pinned_by: me }, 7), patch('message-1', { reply_count: 1 }, 8));
  assert.equal(room.messages[0].pinned_by, me);
  assert.equal(room.messages[0].rev, 7);
  await w.socket.says(patch('message-5', { pinned_at: null, pinned_by: null }, 9));
  assert.equal('pinned_by' in room.messages[0], false);
  await w.socket.says({ type: 'message_edited', message: message(6, { rev: 12, content: 'newest' }), seq: 10 });
  await w.socket.says(patch('message-6', { reply_count: 3 }, 11));
  assert.equal('reply_count' in room.messages[1], false, 'the message is newer than the patch');
  assert.equal(room.seq, 11);
  assert.equal(w.socket.frames('subscribe').length, 1, 'no hole');
});

test('a frame of a kind that is not known is an event by its number', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  await w.socket.says({ type: 'from_the_future', chat_room_id: roomId, seq: 3 }, { type: 'another' }, event(4));
  assert.deepEqual(seqs(room), [1, 2, 4]);
  assert.equal(w.socket.frames('subscribe').length, 1);
});

test('a deleted message is blank in the quotes of it', async () => {
  const w = new World();
  const quote = { id: 'message-1', content: 'content 1' };
  const room = await w.enters([message(1), message(2, { reply_to: quote })], 2);
  await w.socket.says({ type: 'message_edited', change: 'deleted', message: message(1, { rev: 3, content: 'gone', deleted_at: 'now' }), seq: 3 });
  assert.equal(room.messages[1].reply_to.content, 'gone');
});

const deletions = {
  'a frame of version 1': { type: 'message_edited', change: 'deleted', message: message(1, { rev: 9, content: 'gone', deleted_at: 'now' }), seq: 9, prev: 3 },
  'a patch': { type: 'message_patch', chat_room_id: roomId, message_id: 'message-1', set: { content: 'gone', deleted_at: 'now' }, rev: 9, seq: 9, prev: 3 },
};
for (const [name, deleted] of Object.entries(deletions)) {
  const quote = { id: 'message-1', content: 'content 1' };

  test(`a deleted message that is held no more is blank in the quotes of it: ${name}`, async () => {
    const w = new World();
    const room = await w.enters([message(2, { reply_to: quote }), message(3)], 3);
    const told = [];
    room.on('messages', ({ changed }) => told.push(...changed.map((m) => m.seq)));
    await w.socket.says(deleted);
    assert.equal(room.messages[0].reply_to.content, 'gone');
    assert.deepEqual(seqs(room), [2, 3]);
    assert.deepEqual(told, [2]);
    await w.socket.says(event(10));
    assert.equal(w.socket.frames('subscribe').length, 1, 'no hole');
  });

  test(`a page that quotes a message as it was before it was deleted is asked for again: ${name}`, async () => {
    const w = new World();
    const room = await w.enters([message(3)], 3);
    let pages = 0;
    w.answers = async () => {
      if (pages++) return { body: { results: [message(2, { reply_to: { ...quote, content: 'gone' } })] } };
      await w.socket.says(deleted);
      return { body: { results: [message(2, { reply_to: quote })] } };
    };
    await room.older();
    assert.equal(room.messages[0].reply_to.content, 'gone');
    assert.equal(pages, 2);
  });
}

test('a patch from before a message was deleted leaves the quotes of it blank', async () => {
  const w = new World();
  const room = await w.enters([message(1), message(2, { reply_to: { id: 'message-1', content: 'content 1' } })], 2);
  const patch = (set, rev) => ({ type: 'message_patch', chat_room_id: roomId, message_id: 'message-1', set, rev, seq: rev });
  await w.socket.says(patch({ content: 'edited' }, 3), patch({ content: 'gone', deleted_at: 'now' }, 4), patch({ content: 'edited' }, 3));
  assert.equal(room.messages[0].content, 'gone');
  assert.equal(room.messages[1].reply_to.content, 'gone');
});

test('a room is bounded: the oldest messages go, and may be loaded again', async () => {
  const w = new World({ keep: 10 });
  const room = await w.enters(messages(1, 8));
  await w.socket.says(...messages(9, 25).map((m) => event(m.seq)));
  assert.deepEqual(seqs(room), messages(16, 25).map((m) => m.seq));
  assert.equal(room.complete, false);
  w.answers = () => ({ body: { results: messages(1, 15), next: null, previous: null } });
  assert.equal((await room.older()).length, 15);
  assert.equal(w.calls[0].path, `rooms/${trip}/messages/?limit=50&before=16`);
  assert.equal(room.messages.length, 25);
  assert.equal(room.complete, true);
  await w.socket.says(event(26));
  assert.equal(room.messages.length, 25, 'what was loaded is beside what is kept');
  room.trim();
  assert.deepEqual(seqs(room), messages(17, 26).map((m) => m.seq));
});

test('no more is loaded than ten times what is kept', async () => {
  const w = new World({ keep: 2 });
  const room = await w.enters(messages(99, 100), 100);
  w.answers = ({ path }) => {
    const before = Number(path.split('before=')[1]);
    return { body: { results: messages(before - 5, before - 1) } };
  };
  for (let i = 0; i < 10; i++) await room.older();
  assert.equal(room.messages.length, 22);
});

test('a page that shows a message as it was before a change is asked for again', async () => {
  const w = new World();
  const room = await w.enters([message(5)], 5);
  let pages = 0;
  w.answers = async () => {
    if (pages++) return { body: { results: [message(1, { rev: 6, pinned_by: me })] } };
    await w.socket.says({ type: 'message_patch', chat_room_id: roomId, message_id: 'message-1', set: { pinned_by: me }, rev: 6, seq: 6 });
    return { body: { results: [message(1)] } };
  };
  await room.older();
  assert.equal(pages, 2);
  assert.equal(room.messages[0].pinned_by, me);
});

test('what stands before the first number of a room is dropped', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 5));
  await w.socket.says({ type: 'room', chat_room_id: roomId, first_seq: 4, slow_mode: 10 });
  assert.deepEqual(seqs(room), [4, 5]);
  assert.equal(room.slowMode, 10);
  assert.equal(room.complete, true);
});

test('marks are sent a little later, never go back, and are sent again where the server does not know them', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 3));
  room.read(2);
  room.read(3);
  room.read(1);
  await w.clock.pass(1_000);
  assert.deepEqual(w.socket.frames('mark_read'), [{ type: 'mark_read', seq: 3, chat_room_id: trip }]);
  await w.socket.ends(1006);
  await w.clock.pass(300);
  await w.socket.opens();
  await w.socket.says(history({ since: 3, seq: 3, has_more: false }), own({ read_seq: 1 }));
  await w.clock.pass(1_000);
  assert.equal(w.socket.frames('mark_read')[0].seq, 3);
  await w.socket.says({ type: 'own', chat_room_id: roomId, read_seq: 9 }, { type: 'own', chat_room_id: roomId, read_seq: 8 });
  assert.equal(room.readSeq, 9);
});

test('a room that is closed says first how far is read', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 3));
  room.read();
  room.close();
  assert.deepEqual(w.socket.sent.slice(-2).map((f) => f.type), ['mark_read', 'unsubscribe']);
  await w.clock.pass(1_000);
  assert.equal(w.socket.frames('mark_read').length, 1);
});

test('typing is said when it begins and ends, and not for each key', async () => {
  const w = new World();
  const room = await w.enters();
  for (let i = 0; i < 5; i++) room.typing(true);
  room.typing(false);
  room.typing(false);
  assert.deepEqual(w.socket.frames('typing').map((f) => f.is_typing), [true, false]);
});

test('what a listener throws does not keep the room from going on', async (t) => {
  const w = new World();
  const room = await w.enters();
  room.on('messages', ({ changed }) => {
    throw new Error(`of the page, at ${changed[0].seq}`);
  });
  const later = t.mock.method(globalThis, 'queueMicrotask', () => {});
  await w.socket.says(event(1), event(2));
  assert.deepEqual(seqs(room), [1, 2]);
  assert.throws(later.mock.calls[0].arguments[0], /of the page, at 1/, 'it is told where uncaught errors are');
});
