// Three clients chat with a server that is killed and started again meanwhile: one on the socket of its user, one on the
// room's own, one that WebSockets are blocked for. Called by a Go test, which has the server:
//
//   node live.js URL TRIP USER USER
//
// It says `half` when half of the messages are stored: then the server is to be killed. It ends with status 0 where
// nothing was lost, repeated or reordered.

import assert from 'node:assert/strict';

import { orLongPoll } from '../fallback.js';
import { Caravan } from '../index.js';
import { People } from '../people.js';
import { Reactions } from '../reactions.js';
import { roomSockets } from '../room-socket.js';

const [url, trip, amina, jonas] = process.argv.slice(2);
const each = 30; // messages of each client
const until = async (what, done) => {
  const end = Date.now() + 120_000;
  while (!done()) {
    assert.ok(Date.now() < end, `${what}: not within two minutes`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const blocked = () => {
  throw new Error('blocked');
};

function join(name, user, options) {
  const token = async () => (await (await fetch(`${url}/demo/token?user=${user}`)).json()).token;
  const caravan = new Caravan({ url, token, ...options });
  const told = new Map(); // id of a message → how often it was told as new
  const room = caravan.room(trip);
  const revs = new Map();
  room.on('messages', ({ changed, reset }) => {
    assert.ok(!reset || !told.size, 'nobody begins anew');
    for (const m of changed) {
      assert.ok(m.rev > (revs.get(m.id) ?? 0), `${name} is told twice of ${m.content}`);
      revs.set(m.id, m.rev);
      if (m.rev === m.seq) told.set(m.id, m);
    }
  });
  return { name, caravan, room, told };
}

const clients = [
  join('user', amina, {}),
  join('room', jonas, { socket: roomSockets() }),
  join('poll', jonas, { socket: orLongPoll(blocked) }),
];
await until('all are in the room', () => clients.every((c) => c.room.state.phase === 'live'));
assert.equal(clients[2].caravan.state.phase, 'fallback');

const sent = [];
for (let i = 0; i < each; i++) {
  for (const { name, room } of clients) sent.push(room.send(`${name} ${i}`));
  if (i === each / 2) {
    await Promise.race(sent.slice(-3)); // what is before is stored, and some of it is not told yet
    console.log('half');
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const stored = await Promise.all(sent);
assert.equal(new Set(stored.map((m) => m.id)).size, 3 * each);

const ours = (c) => c.room.messages.filter((m) => /^(user|room|poll) \d+$/.test(m.content));
await until('all have all', () => clients.every((c) => ours(c).length >= 3 * each));
for (const c of clients) {
  assert.deepEqual(ours(c).map((m) => m.id), ours(clients[0]).map((m) => m.id), `${c.name} has what the others have`);
  assert.equal(c.told.size >= 3 * each, true);
  assert.deepEqual(c.room.outbox, []);
  for (const { name } of clients) {
    const order = ours(c).filter((m) => m.content.startsWith(name)).map((m) => Number(m.content.split(' ')[1]));
    assert.deepEqual(order, [...order.keys()], `${name} at ${c.name}: each once, in its order`);
  }
}

const [one, two] = ours(clients[0]).filter((m) => m.content.startsWith('user'));
await clients[0].room.edit(one.id, 'edited');
await clients[0].room.pin(one.id, true);
const mine = new Reactions(clients[1].caravan, clients[1].room);
await clients[1].room.react(one.id, '👍', true);
await clients[2].room.react(two.id, '👍', true);
await clients[0].room.remove(two.id);
await until('all have the changes', () =>
  clients.every(({ room }) => {
    const [a, b] = [one, two].map(({ id }) => room.messages.find((m) => m.id === id));
    return a.content === 'edited' && a.pinned_at && a.reactions?.[0].count === 1 && b.deleted_at;
  }),
);
assert.deepEqual([...mine.chosen(one.id)], ['👍']);

const people = new People(clients[1].room);
clients[1].room.watch({ presence: true, reads: true });
await until('who is here is told', () => people.presence.users?.has(amina));
clients[0].room.read();
await until('who has read is told', () => people.reads.get(amina) === clients[0].room.seq);
for (const c of clients) c.caravan.close();
