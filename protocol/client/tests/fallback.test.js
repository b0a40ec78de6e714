// Where WebSockets are blocked, the same client goes on over REST.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { orLongPoll } from '../fallback.js';
import { me, message, messages, roomId, seqs, settle, trip, World } from './world.js';

/** REST as the server has it: a room, and polls that wait until there is something. */
class Rest {
  all = messages(1, 2);
  seq = 2;
  #waiting = [];

  tell(m) {
    this.all = [...this.all.filter((o) => o.id !== m.id), m];
    this.seq = m.rev;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  answer = async ({ method, path, body }) => {
    if (path === 'rooms/?limit=1') return { body: { results: [] } };
    if (path === `rooms/${trip}/`) return { body: { id: roomId, trip_id: trip, role: 'member', read_seq: 1 } };
    if (method === 'POST' && path === 'messages/') {
      const m = message(this.seq + 1, { sender: { id: me }, content: body.content, client_id: body.client_id });
      this.tell(m);
      return { status: 201, body: m };
    }
    if (method === 'PUT') return { body: {} };
    const query = new URLSearchParams(path.split('?')[1]);
    if (!query.has('since')) return { body: { results: this.all, next: null, previous: null } };
    const since = Number(query.get('since'));
    if (query.has('wait') && since === this.seq) await new Promise((resolve) => this.#waiting.push(resolve));
    const results = this.all.filter((m) => m.rev > since).sort((a, b) => a.rev - b.rev);
    return { body: { results, seq: this.seq, has_more: false } };
  };
}

/** A client whose WebSockets do not get through, on the fallback. */
async function blocked(rest) {
  const w = new World({ standIn: orLongPoll });
  w.answers = rest.answer;
  const room = w.caravan.room(trip);
  await settle();
  for (let i = 0; i < 2; i++) {
    await w.socket.ends(1006);
    await w.clock.pass(1_000);
  }
  await w.clock.pass(10);
  return { w, room };
}

test('two attempts that bring no frame lead to REST, where the room goes on', async () => {
  const rest = new Rest();
  const { w, room } = await blocked(rest);
  assert.equal(w.caravan.state.phase, 'fallback');
  assert.equal(room.state.phase, 'live');
  assert.equal(room.role, 'member');
  rest.tell(message(3));
  await settle();
  rest.tell(message(1, { rev: 4, content: 'new' }));
  await settle();
  rest.seq = 6; // numbers that are not a message's, and then one that is
  rest.tell(message(7));
  await settle();
  assert.deepEqual(seqs(room), [1, 2, 3, 7]);
  assert.equal(room.messages[0].content, 'new');
  assert.equal(room.seq, 7);
  w.caravan.close();
});

test('what is written is posted, and told once', async () => {
  const rest = new Rest();
  const { w, room } = await blocked(rest);
  const told = [];
  room.on('messages', ({ changed }) => told.push(...changed.map((m) => m.content)));
  assert.equal((await room.send('over REST')).seq, 3);
  await settle();
  assert.deepEqual(told, ['over REST']);
  assert.equal(await room.react('message-1', '👍', true), undefined);
  assert.equal(w.calls.at(-1).path, 'messages/message-1/reactions/%F0%9F%91%8D/');
  room.read();
  await w.clock.pass(1_000);
  assert.deepEqual(w.calls.at(-1).body, { seq: 3 });
  w.caravan.close();
});

test('a proxy\'s answer leaves it unknown, and the message goes out again', async () => {
  const rest = new Rest();
  const { w, room } = await blocked(rest);
  let failures = 2;
  w.answers = (call) => (call.method === 'POST' && failures-- > 0 ? { status: failures ? 502 : 0, body: {} } : rest.answer(call));
  const sent = room.send('one');
  await w.clock.pass(5_000);
  assert.equal((await sent).content, 'one');
  const posts = w.calls.filter((c) => c.method === 'POST');
  assert.equal(posts.length, 3);
  assert.equal(new Set(posts.map((c) => c.body.client_id)).size, 1);
  w.caravan.close();
});

test('a database that went back has the client begin anew', async () => {
  const rest = new Rest();
  const { w, room } = await blocked(rest);
  rest.all = [message(1, { id: 'another' })];
  rest.seq = 1;
  rest.tell(message(1, { id: 'another' }));
  await w.clock.pass(100);
  assert.deepEqual(room.messages.map((m) => m.id), ['another']);
  w.caravan.close();
});

test('a WebSocket that goes through again takes over', async () => {
  const rest = new Rest();
  const { w } = await blocked(rest);
  assert.equal(w.sockets.length, 2);
  await w.clock.pass(15_000);
  assert.equal(w.sockets.length, 3, 'one looks whether it does');
  await w.socket.opens();
  await w.socket.says({ type: 'pong' });
  await w.clock.pass(100);
  assert.equal(w.sockets.length, 4);
  await w.socket.opens();
  assert.equal(w.socket.frames('subscribe')[0].rooms[0].since, 2);
  assert.equal(w.sockets[2].closed, true);
});

test('a server that cannot be reached at all is no reason for REST', async () => {
  const rest = new Rest();
  const w = new World({ standIn: orLongPoll });
  w.answers = () => ({ status: 0 });
  const room = w.caravan.room(trip);
  await settle();
  for (let i = 0; i < 2; i++) await w.socket.ends(1006).then(() => w.clock.pass(1_000));
  await w.clock.pass(10_000);
  assert.notEqual(w.caravan.state.phase, 'fallback');
  assert.ok(w.sockets.length > 2, 'WebSockets are tried again');
  w.answers = rest.answer;
  w.caravan.close();
  assert.equal(room.state.phase, 'closed');
});

test('a refused token is replaced', async () => {
  const rest = new Rest();
  const { w, room } = await blocked(rest);
  let refused = false;
  w.answers = async (call) => {
    if (!refused && (refused = call.method === 'POST')) return { status: 401, body: { code: 'unauthorized' } };
    return rest.answer(call);
  };
  const sent = room.send('one');
  await w.clock.pass(3_000);
  await w.socket.ends(1006).then(() => w.clock.pass(3_000));
  await w.socket.ends(1006).then(() => w.clock.pass(30_000));
  assert.ok(w.tokens.includes(true));
  assert.equal((await sent).content, 'one');
  w.caravan.close();
});

test('many rooms take turns, so that connections are left for what is sent', async () => {
  const w = new World({ standIn: orLongPoll });
  w.block();
  let polls = 0;
  let most = 0;
  const polled = new Set();
  w.answers = async ({ path }) => {
    const [, id] = path.split('/');
    const query = new URLSearchParams(path.split('?')[1]);
    if (path.startsWith('rooms/?')) return { body: {} };
    if (!query.has('limit')) return { body: { id: `room of ${id}`, trip_id: id, role: 'member', read_seq: 0 } };
    if (!query.has('wait')) return { body: { results: [], seq: 0 } };
    most = Math.max(most, ++polls);
    polled.add(id);
    await new Promise((resolve) => setTimeout(resolve, parseInt(query.get('wait'), 10) * 1_000));
    polls--;
    return { body: { results: [], seq: 0, has_more: false } };
  };
  for (let i = 0; i < 9; i++) w.caravan.room(`5d3e9c1a-52f4-4f1f-9d3c-00000000000${i}`);
  await w.clock.pass(10_000);
  assert.equal(w.caravan.state.phase, 'fallback');
  assert.equal(most, 4);
  assert.equal(polled.size, 9);
  w.caravan.close();
});

test('polls that are answered at once with nothing do not follow one another at once', async () => {
  const rest = new Rest();
  const { w } = await blocked(rest);
  w.answers = ({ path }) => (path.includes('wait=') ? { body: { results: [], seq: 2, has_more: false } } : rest.answer({ method: 'GET', path }));
  rest.tell(message(2));
  const before = w.calls.length;
  await w.clock.pass(10_000);
  assert.ok(w.calls.length - before < 15, `${w.calls.length - before} calls in ten seconds`);
  w.caravan.close();
});

test('a room that is only listed needs its last message alone', async () => {
  const w = new World({ standIn: orLongPoll });
  w.block();
  w.answers = new Rest().answer;
  w.caravan.room(trip, true);
  await w.clock.pass(3_000);
  assert.ok(w.calls.some((c) => c.path === `rooms/${trip}/messages/?limit=1`));
  w.caravan.close();
});
