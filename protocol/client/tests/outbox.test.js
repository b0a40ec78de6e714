// What is written is stored once, in its order, or refused by its promise.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { event, history, me, memory, message, other, own, roomId, seqs, settle, trip, World } from './world.js';

/** The event that tells of a frame that the client has sent. */
const echo = (frame, seq, more) => event(seq, { sender: { id: me }, content: frame.content, client_id: frame.client_id }, more);

async function resumes(w, more = {}) {
  await w.clock.pass(700);
  await w.socket.opens();
  await w.socket.says(history({ since: 0, seq: 0, has_more: false, ...more }), own());
}

test('messages go out one after the other, and their promises are kept', async () => {
  const w = new World();
  const room = await w.enters();
  const [first, second] = [room.send('one', { replyTo: 'message-9', data: { a: 1 } }), room.send('two')];
  assert.equal(w.socket.frames('chat_message').length, 1);
  const [frame] = w.socket.frames('chat_message');
  assert.deepEqual(frame, {
    type: 'chat_message', content: 'one', reply_to: 'message-9', data: { a: 1 }, client_id: first.clientId, chat_room_id: trip,
  });
  await w.socket.says(echo(frame, 1));
  assert.equal((await first).seq, 1);
  await w.socket.says(echo(w.socket.frames('chat_message')[1], 2));
  assert.equal((await second).content, 'two');
  assert.deepEqual(room.outbox, []);
});

test('what was under way when the connection broke is sent again by the same id', async () => {
  const w = new World();
  const room = await w.enters();
  const sent = room.send('one');
  const [frame] = w.socket.frames('chat_message');
  await w.socket.ends(1006);
  await resumes(w);
  assert.deepEqual(w.socket.frames('chat_message'), [frame]);
  await w.socket.says(echo(frame, 1, { duplicate: true }));
  assert.equal((await sent).seq, 1);
  assert.equal(room.seq, 0, 'a duplicate stands outside the order');
  await w.socket.says(event(1, { sender: { id: me }, client_id: frame.client_id }));
  assert.deepEqual(seqs(room), [1]);
});

test('what the history shows as stored is not sent again', async () => {
  const w = new World();
  const room = await w.enters();
  const sent = room.send('one');
  const [frame] = w.socket.frames('chat_message');
  await w.socket.ends(1006);
  await resumes(w, { messages: [echo(frame, 1).message], seq: 1 });
  assert.equal((await sent).seq, 1);
  assert.deepEqual(w.socket.frames('chat_message'), []);
});

for (const code of ['unavailable', 'rate_limited', 'unknown_outcome', 'internal']) {
  test(`${code} is tried again, and holds back what was written later`, async () => {
    const w = new World();
    const room = await w.enters();
    room.send('one');
    room.send('two');
    const [frame] = w.socket.frames('chat_message');
    await w.socket.says({ type: 'error', code, message: 'later', client_id: frame.client_id, chat_room_id: roomId });
    assert.equal(w.socket.frames('chat_message').length, 1);
    await w.clock.pass(1_000);
    assert.deepEqual(w.socket.frames('chat_message'), [frame, frame]);
    assert.equal(room.outbox[0].status, 'pending');
  });
}

test('internal is tried a few times only', async () => {
  const w = new World();
  const room = await w.enters();
  const sent = room.send('poison');
  for (let i = 0; i < 8; i++) {
    const { client_id: id } = w.socket.frames('chat_message').at(-1);
    await w.socket.says({ type: 'error', code: 'internal', message: 'failed', client_id: id, chat_room_id: roomId });
    await w.clock.pass(15_000).then(() => w.socket.says({ type: 'pong' }));
    await w.clock.pass(15_000).then(() => w.socket.says({ type: 'pong' }));
  }
  await assert.rejects(sent, { code: 'internal' });
});

test('a refusal rejects, stays in the outbox, and may be tried again or discarded', async () => {
  const w = new World();
  const room = await w.enters();
  const sent = room.send('long');
  const other = room.send('short');
  const id = sent.clientId;
  await w.socket.says({ type: 'error', code: 'too_long', message: 'Message is too long', client_id: id, chat_room_id: roomId });
  await assert.rejects(sent, { name: 'CaravanError', code: 'too_long', message: 'Message is too long', clientId: id });
  assert.equal(room.outbox[0].status, 'failed');
  assert.equal(w.socket.frames('chat_message').at(-1).client_id, other.clientId, 'the next one goes on');
  await w.socket.says(echo(w.socket.frames('chat_message').at(-1), 1));
  const again = room.retry(id);
  await w.socket.says(echo(w.socket.frames('chat_message').at(-1), 2));
  assert.equal((await again).client_id, id);
  room.send('');
  await w.socket.says({ type: 'error', code: 'empty_content', client_id: room.outbox[0].clientId });
  assert.equal(room.outbox[0].error, 'empty_content', 'an error without a room is found by its id');
  room.discard(room.outbox[0].clientId);
  assert.deepEqual(room.outbox, []);
});

test('changes are settled by an acknowledgement', async () => {
  const w = new World();
  const room = await w.enters([message(1)]);
  for (const [call, frame] of [
    [() => room.edit('m', 'new'), { type: 'edit_message', message_id: 'm', content: 'new' }],
    [() => room.remove('m'), { type: 'delete_message', message_id: 'm' }],
    [() => room.pin('m', true), { type: 'pin_message', message_id: 'm', on: true }],
    [() => room.react('m', '👍', true), { type: 'react', message_id: 'm', emoji: '👍', on: true }],
  ]) {
    const done = call();
    assert.deepEqual(w.socket.sent.at(-1), { ...frame, client_id: done.clientId, chat_room_id: trip });
    await w.socket.says({ type: 'ack', chat_room_id: roomId, client_id: done.clientId });
    assert.equal(await done, undefined);
  }
});

test('an answer that never comes ends the connection', async () => {
  const w = new World();
  const room = await w.enters();
  room.send('one');
  for (let s = 0; s < 40; s += 5) await w.clock.pass(5_000).then(() => w.sockets[0].says({ type: 'pong' }));
  assert.equal(w.sockets[0].closed, true);
  await w.socket.opens();
  await w.socket.says(history({ since: 0, seq: 0, has_more: false }), own());
  assert.equal(w.socket.frames('chat_message').length, 1);
});

test('what is pending survives a reload, for its user and its room', async () => {
  const store = memory();
  const w = new World({ store });
  const room = w.caravan.room(trip);
  await settle();
  room.send('one');
  room.send('two');
  const ids = room.outbox.map((e) => e.clientId);
  await settle();
  w.caravan.close();
  assert.deepEqual([...store.texts.keys()], [`caravan.outbox.${me}.${trip}`]);

  const later = new World({ store });
  const again = await later.enters();
  assert.deepEqual(again.outbox.map((e) => e.clientId), ids);
  const [frame] = later.socket.frames('chat_message');
  assert.equal(frame.client_id, ids[0]);
  await later.socket.says(echo(frame, 1));
  await later.socket.says(echo(later.socket.frames('chat_message')[1], 2));
  assert.deepEqual([...store.texts.values()], ['[]']);
});

test('pages that share a store keep one another\'s entries', async () => {
  const store = memory();
  const [a, b] = [new World({ store }), new World({ store })];
  const rooms = [a.caravan.room(trip), b.caravan.room(trip)];
  await settle();
  rooms[0].send('of a');
  rooms[1].send('of b');
  await settle();
  const stored = JSON.parse([...store.texts.values()][0]);
  assert.deepEqual(stored.map((e) => e.frame.content).sort(), ['of a', 'of b']);
});

test('a store that fails is told of, and keeps nothing from being sent', async () => {
  const store = { get: () => Promise.reject(new Error('no space')), set: () => {} };
  const w = new World({ store });
  const room = w.caravan.room(trip);
  const problems = [];
  room.on('problem', ({ code }) => problems.push(code));
  await settle();
  await w.socket.opens();
  await w.socket.says(history({}), own());
  room.send('one');
  await settle();
  assert.equal(w.socket.frames('chat_message').length, 1);
  assert.ok(problems.includes('store'));
});

test('the outbox is bounded', async () => {
  const w = new World();
  const room = w.caravan.room(trip);
  for (let i = 0; i < 500; i++) room.send(`${i}`);
  await assert.rejects(room.send('one more'), { code: 'outbox_full' });
  assert.equal(room.outbox.length, 500);
});

test('a frame that ends the connection is not sent again', async () => {
  const w = new World();
  const room = await w.enters();
  const sent = room.send('x'.repeat(200_000));
  await w.socket.ends(1009);
  await assert.rejects(sent, { code: 'too_long' });
  await resumes(w);
  assert.deepEqual(w.socket.frames('chat_message'), []);
});

test('a message of another user with a foreign id settles nothing', async () => {
  const w = new World();
  const room = await w.enters();
  room.send('mine');
  await w.socket.says(event(1, { sender: { id: other }, client_id: 'a1' }));
  assert.equal(room.outbox.length, 1);
});

/** What the server says of a message of the user's that was edited. */
const edited = (seq, rev, content, more) => ({
  type: 'message_edited', message: message(seq, { rev, content, sender: { id: me }, updated_at: `at ${rev}`, ...more }), seq: rev,
});

test('an edit that waits does not undo a newer one', async () => {
  const store = memory();
  const w = new World({ store });
  const room = await w.enters([message(1, { updated_at: 'at 1' })]);
  await settle();
  await w.socket.ends(1006);
  const stale = room.edit('message-1', 'older');
  await w.clock.pass(700);
  await w.socket.opens();
  await w.socket.says(history({ since: 1, messages: [edited(1, 2, 'newer').message], seq: 2, has_more: false }), own());
  await assert.rejects(stale, { code: 'outdated' });
  assert.deepEqual(w.socket.frames('edit_message'), []);
  const again = room.retry(stale.clientId);
  assert.equal(w.socket.frames('edit_message').length, 1, 'unless the user wants it');
  await w.socket.says({ type: 'ack', chat_room_id: roomId, client_id: stale.clientId });
  await again;
});

test('after a reload, too, where the message is not held', async () => {
  const store = memory();
  const w = new World({ store });
  const room = await w.enters([message(1, { updated_at: 'at 1' })]);
  await settle();
  await w.socket.ends(1006);
  room.edit('message-1', 'older');
  await settle();
  w.caravan.close();

  for (const [content, sent, status] of [['content 1', 1, 'pending'], ['newer', 0, 'failed']]) {
    const later = new World({ store });
    later.answers = () => ({ body: edited(1, 2, content, content === 'newer' ? {} : { updated_at: 'at 1' }).message });
    const again = await later.enters([message(60)], 60);
    await settle();
    assert.deepEqual(later.calls.map((c) => c.path), ['messages/message-1/']);
    assert.equal(later.socket.frames('edit_message').length, sent);
    assert.equal(again.outbox[0].status, status);
    later.caravan.close();
  }
});

test('one\'s own edits one after the other are not taken for another\'s', async () => {
  const w = new World();
  const room = await w.enters([message(1, { updated_at: 'at 1' })]);
  const [one, two] = [room.edit('message-1', 'one'), room.edit('message-1', 'two')];
  await settle();
  await w.socket.says(edited(1, 2, 'one'), { type: 'ack', chat_room_id: roomId, client_id: one.clientId });
  await one;
  await settle();
  assert.deepEqual(w.socket.frames('edit_message').map((f) => f.content), ['one', 'two']);
  await w.socket.says({ type: 'ack', chat_room_id: roomId, client_id: two.clientId });
  await two;
});

test('of several edits that waited none undoes a newer one, whatever became of the first', async () => {
  for (const first of ['outdated', 'discarded']) {
    const w = new World();
    const room = await w.enters([message(1, { updated_at: 'at 1' })]);
    await w.socket.ends(1006);
    const [one, two, three] = ['one', 'two', 'three'].map((text) => room.edit('message-1', text));
    if (first === 'discarded') room.discard(one.clientId);
    await w.clock.pass(700);
    await w.socket.opens();
    await w.socket.says(history({ since: 1, messages: [edited(1, 2, 'newer').message], seq: 2, has_more: false }), own());
    await assert.rejects(two, { code: 'outdated' });
    await assert.rejects(three, { code: 'outdated', message: 'It was changed elsewhere' });
    assert.deepEqual(w.socket.frames('edit_message'), [], first);
  }
});

test('an edit that was refused takes no guard from a later one', async () => {
  const w = new World();
  const room = await w.enters([message(1, { updated_at: 'at 1' })]);
  const long = room.edit('message-1', 'long');
  await w.socket.says({ type: 'error', code: 'too_long', client_id: long.clientId, chat_room_id: roomId });
  await assert.rejects(long, { code: 'too_long' });
  await w.socket.ends(1006);
  const stale = room.edit('message-1', 'older');
  await w.clock.pass(700);
  await w.socket.opens();
  await w.socket.says(history({ since: 1, messages: [edited(1, 2, 'newer').message], seq: 2, has_more: false }), own());
  await assert.rejects(stale, { code: 'outdated' });
  assert.deepEqual(w.socket.frames('edit_message'), []);
});

test('what is written before there is a token is stored where the user is known', async () => {
  const store = memory();
  const offline = { store, user: me.toUpperCase(), token: () => Promise.reject(new Error('no network')) };
  const w = new World(offline);
  const sent = w.caravan.room(trip).send('one');
  await settle();
  w.caravan.close();
  assert.deepEqual([...store.texts.keys()], [`caravan.outbox.${me}.${trip}`]);
  const later = new World(offline);
  const room = later.caravan.room(trip);
  await settle();
  assert.deepEqual(room.outbox.map((e) => e.clientId), [sent.clientId], 'it is shown');
  later.caravan.close();
});

test('what one user has written does not go out with the token of another', async () => {
  const w = new World({ user: other });
  await settle();
  assert.equal(w.sockets.length, 0);
  assert.equal(w.caravan.state.error.code, 'wrong_user');
  w.caravan.close();
});

test('a room that takes nothing any more says so at once', async () => {
  const store = memory();
  const w = new World({ store });
  const room = await w.enters();
  const refused = room.send('one');
  await w.socket.says({ type: 'error', code: 'too_long', client_id: refused.clientId, chat_room_id: roomId });
  await w.socket.says({ type: 'left', chat_room_id: roomId, code: 4003 });
  await assert.rejects(room.send('after'), { code: 'forbidden' });
  await assert.rejects(room.retry(refused.clientId), { code: 'forbidden' });
  const another = w.caravan.room(trip);
  another.close();
  await assert.rejects(another.send('after'), { code: 'closed' });
  await assert.rejects(another.edit('message-1', 'after'), { code: 'closed' });
  await settle();
  assert.equal([...store.texts.values()].join().includes('after'), false, 'nor is it sent another day');
});

test('what the end of a room or a connection has refused is told', async () => {
  for (const [says, code] of [[(w) => w.socket.says({ type: 'left', chat_room_id: roomId, code: 4003 }), 'forbidden'], [(w) => w.socket.ends(1009), 'too_long']]) {
    const w = new World();
    const room = await w.enters();
    room.send('x'.repeat(6_000));
    const told = [];
    room.on('outbox', () => told.push(...room.outbox.map((e) => e.code)));
    await says(w);
    assert.deepEqual(told, [code]);
  }
});

test('what another page has sent or discarded is not sent again', async () => {
  const store = memory();
  const before = new World({ store });
  const [kept, gone] = [before.caravan.room(trip).react('m', '👍', true), before.caravan.room(trip).react('m', '🚌', true)];
  await settle();
  before.caravan.close();
  const w = new World({ store });
  const room = w.caravan.room(trip);
  await settle();
  assert.equal(room.outbox.length, 2);
  const [[key, text]] = store.texts;
  store.texts.set(key, JSON.stringify(JSON.parse(text).filter((e) => e.clientId !== gone.clientId)));
  await w.socket.opens();
  await w.socket.says(history({}), own());
  await settle();
  await w.socket.says({ type: 'ack', chat_room_id: roomId, client_id: kept.clientId });
  await settle();
  assert.deepEqual(w.socket.frames('react').map((f) => f.emoji), ['👍']);
  assert.deepEqual(room.outbox, []);
  assert.equal(store.texts.get(key), '[]');
});
