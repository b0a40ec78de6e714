// The transcripts of protocol/testdata/vectors, which prove any client right: played to this one on the socket of a user,
// on that of a room, and without WebSockets. docs/clients.md says what the steps mean.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { orLongPoll } from '../fallback.js';
import { People } from '../people.js';
import { Reactions } from '../reactions.js';
import { roomSockets } from '../room-socket.js';
import { settle, World } from './world.js';

const folder = new URL('../../testdata/vectors/', import.meta.url);
const askedWithin = 60_000; // ms of the world's clock
const beside = ['ping', 'subscribe', 'unsubscribe', 'auth', 'mark_read', 'typing', 'watch']; // frames that no step of `sends` counts, unless it says so
const calledAs = { chat_message: 'send', edit_message: 'edit', delete_message: 'remove', react: 'react', pin_message: 'pin' };

/** What a transcript is played to: a client, and the names that the transcript gives to its client_ids. */
class Player {
  names = new Map(); // $name → client_id
  known = new Set(); // sockets that the client was seen to open
  calls = []; // of REST that wait for their answers

  constructor(vector, how) {
    Object.assign(this, { vector, how });
    this.world = new World({ standIn: { room: roomSockets, poll: orLongPoll }[how] });
    if (how === 'poll') this.world.block();
    this.world.answers = (call) => new Promise((answer) => this.calls.push({ ...call, answer }));
    this.home = this.enter(vector);
    this.other = vector.other && this.enter(vector.other);
  }

  /** A room of the transcript, with what the client has of it. */
  enter({ trip, room: id }) {
    const room = this.world.caravan.room(trip);
    return {
      trip, id, room, people: new People(room), reactions: new Reactions(this.world.caravan, room),
      told: [], // events, which a new connection tells again
      read: new Map(), // socket → how many of its frames were looked at
    };
  }

  async play() {
    for (const [i, step] of this.vector.steps.entries()) {
      const what = Object.keys(step).find((key) => this[`_${key}`]);
      this.at = step.in ? this.other : this.home;
      try {
        await this[`_${what}`](step[what], step);
      } catch (error) {
        error.message = `step ${i + 1}, ${what}: ${error.message}`;
        throw error;
      }
      await settle();
    }
    this.world.caravan.close();
  }

  /** Lets time pass until there is something. */
  async until(what, look) {
    const end = this.world.clock.now + askedWithin;
    for (;;) {
      await settle();
      const found = await look();
      if (found !== undefined) return found;
      assert.ok(this.world.clock.now < end, `${what}: not within ${askedWithin} ms`);
      await this.world.clock.pass(100);
    }
  }

  // --- Histories -------------------------------------------------------------------------

  async _asks(wanted, { gets, refused }) {
    if (wanted === null) {
      for (let s = 0; s < askedWithin / 1_000; s++) {
        assert.equal(await this.askedBySocket(), undefined, 'nothing is asked for');
        await this.world.clock.pass(1_000);
      }
      return undefined;
    }
    const { socket, call, asked, fresh, again } =
      this.how === 'poll' ? await this.until('it asks', () => this.askedByCall()) : await this.until('it asks', () => this.askedBySocket());
    const { fresh_token: freshToken = false, ...place } = wanted;
    assert.deepEqual(asked, place);
    assert.equal(Boolean(fresh), freshToken, 'whether it wants a fresh token');
    if (call) return refused ? call.answer({ status: { 4001: 401, 4003: 404 }[refused] ?? 503, body: {} }) : this.page(call, gets);
    if (refused) return socket.ends(refused);
    const { own, ...page } = this.named(gets);
    await socket.says({ type: 'message_history', chat_room_id: this.at.id, trip_id: this.at.trip, ...page });
    if (socket.closed) return undefined;
    if (this.vector.version !== 1) await socket.says({ type: 'own', v: 2, chat_room_id: this.at.id, role: 'member', permissions: ['send'], read_seq: 0, muted_until: null, reactions: {}, ...own });
    if (again && !gets.has_more) await socket.says(...this.at.told.filter((f) => f.seq > gets.seq));
    return undefined;
  }

  /** What the newest socket asks for: in its URL, or in a frame that subscribes to the room. */
  async askedBySocket() {
    const { socket } = this.world;
    if (!socket || socket.closed) return undefined;
    const first = !this.known.has(socket);
    if (first) {
      this.known.add(socket);
      const query = new URL(socket.url).searchParams;
      assert.equal(query.get('v'), '2');
      await socket.opens();
      if (this.how === 'room') return { socket, asked: place(query.get('since'), query.get('since_id')), fresh: this.world.tokens.at(-1), again: true };
    }
    const frames = socket.frames('subscribe');
    const asked = frames.flatMap((f) => f.rooms).find(({ id, seen }) => id === this.at.trip && !seen);
    if (!asked) return undefined;
    asked.seen = true;
    return { socket, asked: place(asked.since, asked.since_id), fresh: first && this.world.tokens.at(-1), again: frames[0].rooms.includes(asked) };
  }

  /** What the oldest call asks for. Calls about the room itself are answered here. */
  async askedByCall() {
    this.skip();
    const i = this.calls.findIndex(({ method, path }) => method === 'GET' && path.includes('/messages/?'));
    if (i < 0) return undefined;
    const [call] = this.calls.splice(i, 1);
    const query = new URLSearchParams(call.path.split('?')[1]);
    if (query.has('wait')) assert.match(query.get('wait'), /^\d+s$/);
    const fresh = this.freshFrom !== this.world.tokens.length && this.world.tokens.at(-1);
    this.freshFrom = this.world.tokens.length;
    return { call, asked: place(query.get('since'), query.get('since_id')), fresh };
  }

  skip() {
    const { id, trip } = this.home;
    for (const call of this.calls.filter((c) => c.method === 'GET' && /^rooms\/([^/]+\/)?(\?.*)?$/.test(c.path))) {
      this.calls.splice(this.calls.indexOf(call), 1);
      call.answer({ body: { id, trip_id: trip, role: 'member', read_seq: 0 } });
    }
  }

  page(call, gets) {
    const { since, messages, seq, has_more: more, first_seq: first } = this.named(gets);
    const body = { results: messages, ...(first && { first_seq: first }) };
    call.answer({ body: since === undefined ? { ...body, next: null, previous: null } : { ...body, seq, has_more: more } });
  }

  // --- Both sides speak --------------------------------------------------------------------

  async _says(frames) {
    frames = this.named(frames);
    this.at.told.push(...frames.filter((f) => f.seq !== undefined && !f.duplicate));
    const { socket } = this.world; // of what comes after a hole this one may not hear
    for (const f of frames) await socket.says(f);
  }

  async _ends(code, { of }) {
    const { socket } = this.world;
    if (of === 'room' && this.how === 'user') {
      return socket.closed || socket.says({ type: 'left', chat_room_id: this.at.id, code, message: 'it ends' });
    }
    return socket.ends(code);
  }

  async _does(frames) {
    for (const { type, message_id: id, content, emoji, on, seq } of frames) {
      if (type === 'mark_read') this.at.room.read(seq);
      else this.at.room[calledAs[type]](...[id, content, emoji, on].filter((v) => v !== undefined));
    }
  }

  async _sends(wanted, { of, last, fresh_token: fresh }) {
    const { read, trip } = this.at;
    const here = (f) => !this.other || f.chat_room_id === trip;
    const counts = (f) => (of ? of.includes(f.type) : !beside.includes(f.type)) && here(f);
    const from = read.get(this.world.socket) ?? 0;
    let got = this.world.socket.sent.slice(from).filter(counts);
    if (!of) read.set(this.world.socket, this.world.socket.sent.length);
    if (last) got = got.slice(-1);
    got = got.map(({ chat_room_id: room, token, ...f }) => {
      assert.equal(room, this.how === 'room' || f.type === 'auth' ? undefined : trip);
      return f;
    });
    assert.deepEqual(got, this.bound(got, wanted));
    if (fresh) assert.equal(this.world.tokens.at(-1), true);
  }

  async _calls({ method, path, body }, { gets: { status, body: answer, retry_after: after } }) {
    const call = await this.until(`it calls ${method} ${path}`, () => {
      this.skip();
      const i = this.calls.findIndex((c) => c.method === method && c.path === path);
      return i < 0 ? undefined : this.calls.splice(i, 1)[0];
    });
    assert.deepEqual(call.body, this.bound([call.body], [body])[0]);
    call.answer({ status, body: this.named(answer), after });
  }

  async _loads({ before }, { meanwhile, gets, again }) {
    const done = this.at.room.older();
    for (const page of [gets, again]) {
      await settle();
      const call = this.calls.shift();
      if (!call) break;
      assert.equal(new URLSearchParams(call.path.split('?')[1]).get('before'), String(before));
      if (page === gets) await this._says(meanwhile);
      call.answer({ body: { results: page.messages, next: null, previous: null } });
    }
    await done;
  }

  async _passes(ms) {
    await this.world.clock.pass(ms);
  }

  // --- What is shown ---------------------------------------------------------------------------

  async _shows(wanted) {
    const { room, people, reactions } = this.at;
    const held = Object.fromEntries(room.messages.map((m) => [m.id, m]));
    const got = {
      at: room.seq, state: room.state.phase, role: room.role, permissions: room.permissions, read_seq: room.readSeq,
      pending: room.outbox.filter((e) => e.status === 'pending').map((e) => e.frame.content ?? ''),
      failed: room.outbox.filter((e) => e.status === 'failed').map((e) => e.code),
      online: people.presence.online, here: people.presence.users && [...people.presence.users].sort(), reads: Object.fromEntries(people.reads),
    };
    for (const [name, value] of Object.entries(wanted)) {
      if (name === 'messages') {
        assert.deepEqual(room.messages.map((m) => m.id), value.map((m) => m.id));
        for (const m of value) for (const member in m) assert.deepEqual(held[m.id][member] ?? null, m[member], `${member} of ${m.id}`);
      } else if (name === 'chosen') {
        for (const id in value) assert.deepEqual([...reactions.chosen(id)].map(plain), value[id].map(plain));
      } else assert.deepEqual(Array.isArray(value) && name === 'here' ? got.here : got[name], name === 'here' ? value?.toSorted() ?? null : value, name);
    }
  }

  // --- Names ---------------------------------------------------------------------------------------

  /** What is wanted, with the client_ids that were used for its names. */
  bound(got, wanted) {
    return wanted.map((frame, i) => {
      const name = frame.client_id;
      if (!name?.startsWith('$')) return frame;
      const id = got[i]?.client_id;
      if (!this.names.has(name)) {
        assert.match(id ?? '', /^.{1,64}$/, 'it has a client_id');
        assert.ok(![...this.names.values()].includes(id), 'a client_id of its own');
        this.names.set(name, id);
      }
      return { ...frame, client_id: this.names.get(name) };
    });
  }

  named(value) {
    return JSON.parse(JSON.stringify(value ?? null), (key, v) => (key === 'client_id' ? this.names.get(v) ?? v : v));
  }
}

const plain = (emoji) => emoji.replaceAll('\uFE0F', '');
const place = (since, last) => ({ ...(since != null && { since: Number(since) }), ...(last && { since_id: last }) });

/** On which sockets a transcript is played: version 1 has none of users, and two rooms are on one of those. */
const waysOf = ({ transport, version, other }) => (transport === 'poll' ? ['poll'] : version === 1 ? ['room'] : other ? ['user'] : ['user', 'room']);

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'schema.json')) {
  const vector = JSON.parse(readFileSync(new URL(file, folder)));
  for (const how of waysOf(vector)) {
    test(`${file.slice(0, -5)}, ${how}: ${vector.about}`, () => new Player(vector, how).play());
  }
}
