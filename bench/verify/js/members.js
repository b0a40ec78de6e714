// Users of the JavaScript library in a run of the ledger. A program in Go starts this one, says on its input what the users
// do, and reads on its output what the library tells them: a JSON object a line, both ways.
//
// What a user asks for goes out when the ledger has noted it: it is announced (`out`), and leaves with `go`.

import { readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { orLongPoll } from './library/fallback.js';
import { Caravan } from './library/index.js';
import { roomSockets } from './library/room-socket.js';

const base = 'caravan.invalid'; // stands for whichever server is asked
const lookEvery = 100; // ms between two looks where each room stands
const chunk = 50; // messages in a line
const asks = ['chat_message', 'edit_message', 'delete_message', 'pin_message', 'react', 'mark_read'];

/** Whether something is to be done wrong now. */
function wrong(how) {
  if (fault !== how) return false;
  if (!again.includes(how)) fault = '';
  say({ on: 'fault', user: 0 });
  return true;
}

/** Says a line. Nothing is done before it has been taken: this program may be killed at any time. */
function say(line) {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

// --- What comes between ---------------------------------------------------------------------

let servers; // host:port of each
let fault; // what this program does wrong, to prove that the ledger notices
const again = ['lose']; // and not only once: what is lost may be told anew, after a reload or as it changes
let forgotten; // client_id of what a store has lost, and no frame tells
const left = new Set(); // client_ids of what has gone out
const late = ['drop', 'reorder']; // faults of the end
let told = 0; // lines about messages so far
const answers = new Map(); // number of a question → what takes the answer
let questions = 0;

/** Says a line, after what has led to it, and resolves to its answer. */
const question = (line) => {
  const n = ++questions;
  return new Promise((answer) => {
    answers.set(n, answer);
    setImmediate(() => say({ ...line, n }));
  });
};

const someServer = () => Math.floor(Math.random() * servers.length);

const { fetch: realFetch } = globalThis;
globalThis.fetch = (url, options) => realFetch(url.replace(base, servers[someServer()]), options);

/** Tap stands between Caravan and its sockets, and tells what goes out, what is refused, and when it ends. */
class Tap {
  static last = 0;
  onopen = null;
  onmessage = null;
  onclose = null;

  #user;
  #id = ++Tap.last;
  #socket;
  #queue = [];
  #leaving = false; // the first of the queue waits for the ledger
  #closed = false;
  #told = new Map(); // trips whose history has come, and was not taken back: their rooms

  constructor(user, open, url, protocols) {
    this.#user = user;
    this.token = protocols[1].slice('token.'.length);
    this.#socket = open(url, protocols);
    this.#socket.onopen = (event) => this.onopen?.(event);
    this.#socket.onmessage = (event) => this.#hear(event);
    this.#socket.onclose = (event) => {
      this.#end(event.code);
      this.onclose?.(event);
    };
  }

  get phase() {
    return this.#socket.phase;
  }

  send(text) {
    this.#queue.push(text);
    this.#leave();
  }

  close() {
    this.#end(0);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }

  async #leave() {
    if (this.#leaving) return;
    this.#leaving = true;
    while (this.#queue.length && !this.#closed) {
      const text = this.#queue.shift();
      const frame = JSON.parse(text);
      if (asks.includes(frame.type)) {
        const { type, client_id: id, seq, chat_room_id: trip } = frame;
        if (id && id === forgotten) return;
        left.add(id);
        await question({ on: 'out', user: this.#user.number, socket: this.#id, trip, type, id, seq });
        if ((type === 'edit_message' || type === 'delete_message') && wrong('claim')) {
          this.onmessage?.({ data: JSON.stringify({ type: 'ack', client_id: id, chat_room_id: trip }) });
          continue;
        }
      }
      if (frame.type === 'auth') this.token = frame.token;
      if (!this.#closed) this.#socket.send(text);
    }
    this.#leaving = false;
  }

  #hear(event) {
    const { type, client_id: id, chat_room_id: room, trip_id: trip, code, message } = JSON.parse(event.data);
    if (type === 'message_history') this.#told.set(trip, room);
    if (type === 'left') this.#told = new Map([...this.#told].filter((ids) => !ids.includes(room)));
    if (type === 'error' && id) say({ on: 'refused', user: this.#user.number, socket: this.#id, id, code, text: String(message) });
    this.onmessage?.(event);
  }

  #end(code) {
    if (this.#closed) return;
    this.#closed = true;
    say({ on: 'end', user: this.#user.number, socket: this.#id, code, heard: this.#told.size > 0, token: this.token });
  }
}

/** The store of a user: a file, which is there when this program is killed. It answers at once, as localStorage does. */
function storeIn(path, number) {
  let texts = {};
  try {
    texts = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // there is none yet
  }
  return {
    get: (key) => texts[key] ?? null,
    set(key, text) {
      let entries = JSON.parse(text);
      const had = new Set(JSON.parse(texts[key] ?? '[]').map(({ clientId }) => clientId));
      const kept = entries.find(({ clientId }) => had.has(clientId) && !left.has(clientId));
      if (kept && told > 30 && wrong('forget')) forgotten = kept.clientId;
      entries = entries.filter(({ clientId }) => clientId !== forgotten);
      texts[key] = JSON.stringify(entries);
      writeFileSync(`${path}.new`, JSON.stringify(texts));
      renameSync(`${path}.new`, path);
      say({ on: 'kept', user: number, ids: JSON.parse(text).map(({ clientId }) => clientId) });
    },
  };
}

// --- Users ------------------------------------------------------------------------------------

const rooms = new Map(); // number of a member → its room
let users; // by their numbers

class User {
  constructor({ number, id, way, blocked, keep, store, members }) {
    this.number = number;
    this.blocked = blocked; // no WebSocket goes through
    const open = (url, protocols) => {
      if (this.blocked) throw new Error('blocked');
      return new WebSocket(url.replace(base, servers[someServer()]), protocols);
    };
    const standIn = { user: open, room: roomSockets(open), poll: orLongPoll(open) }[way];
    const caravan = new Caravan({
      url: `http://${base}`,
      user: id,
      keep,
      store: storeIn(store, number),
      token: (fresh) => question({ on: 'token', user: number, fresh }),
      socket: (url, protocols) => new Tap(this, standIn, url, protocols),
    });
    caravan.on('state', ({ phase, error }) => say({ on: 'connection', user: number, phase, text: error && String(error) }));
    for (const member of members) rooms.set(member.number, new Place(member.number, caravan.room(member.trip)));
  }
}

/** Place is a room of a user: a member of its own in the ledger. */
class Place {
  #number;
  #room;
  #outbox = new Map(); // clientId → the entry, as it was told last
  #at = '';

  constructor(number, room) {
    this.#number = number;
    this.#room = room;
    room.on('state', ({ phase, code }) => this.#say({ on: 'state', phase, code }));
    room.on('messages', (event) => this.#tell(event));
    room.on('outbox', () => this.#changed());
    setImmediate(() => this.#say({ on: 'restored', entries: room.outbox.map(({ clientId, frame, status, code }) => ({ id: clientId, frame, failed: status === 'failed', code })) }));
  }

  #say(line) {
    say({ ...line, member: this.#number });
  }

  look() {
    const { seq, readSeq } = this.#room;
    const at = `${seq} ${readSeq}`;
    if (at !== this.#at) this.#say({ on: 'at', seq, read: readSeq });
    this.#at = at;
  }

  /** Tells what `messages` shows. */
  #tell({ changed, reset }) {
    const { seq, messages } = this.#room;
    const line = { on: 'told', seq, first: messages[0]?.seq ?? 0, reset, changed };
    if (reset) line.revs = messages.map(({ rev }) => rev);
    told++;
    if (!reset && changed.length && wrong('lose')) line.changed = changed.slice(1);
    if (told > 30 && !reset && changed.length) {
      const [first, ...rest] = changed;
      if (wrong('alter')) line.changed = [{ ...first, content: `${first.content}!` }, ...rest];
      if (wrong('repeat')) this.#say(line);
      if (wrong('stale')) {
        this.#say(line);
        line.changed = [{ ...first, rev: first.rev - 1 }];
      }
      if (late.includes(fault)) say({ on: 'fault', user: 0 });
    }
    this.#say(line);
  }

  /** Tells what has left the outbox, or failed. */
  #changed() {
    const room = this.#room;
    const now = new Map(room.outbox.map(({ clientId, status, code, frame }) => [clientId, { status, code, type: frame.type }]));
    for (const [id, { type }] of this.#outbox) {
      if (!now.has(id)) this.#say({ on: 'gone', id, message: type === 'chat_message' ? room.messages.find((m) => m.client_id === id) : undefined });
    }
    for (const [id, { status, code }] of now) {
      if (status === 'failed' && this.#outbox.get(id)?.status !== 'failed') this.#say({ on: 'failed', id, code });
    }
    this.#outbox = now;
  }

  /** What the user writes. */
  #write(op, promise) {
    const { clientId: id } = promise;
    if (id) this.#say({ on: 'written', op, id });
    promise.then(
      (message) => this.#say({ on: 'resolved', op, id, message }),
      ({ code }) => this.#say({ on: 'rejected', op, id, code }),
    );
  }

  do({ do: what, op, message, content, emoji, on, options, id, n, seq }) {
    const room = this.#room;
    switch (what) {
      case 'send':
        return this.#write(op, room.send(content, options));
      case 'edit':
        return this.#write(op, room.edit(message, content));
      case 'remove':
        return this.#write(op, room.remove(message));
      case 'react':
        return this.#write(op, room.react(message, emoji, on));
      case 'pin':
        return this.#write(op, room.pin(message, on));
      case 'discard':
        return room.discard(id);
      case 'read':
        return room.read(seq || undefined);
      case 'typing':
        return room.typing(on);
      case 'older':
        return room.older().catch(() => {}); // without an answer it is asked another time
      case 'trim':
        return room.trim();
      case 'holds':
        return this.#hold({ n });
      case 'end':
        return this.#render(n);
    }
    throw new Error(`nobody knows how to do ${what}`);
  }

  #hold(more) {
    const { seq, messages, complete, readSeq } = this.#room;
    this.#say({ on: 'holds', seq, read: readSeq, complete, first: messages[0]?.seq ?? 0, revs: messages.map(({ rev }) => rev), ...more });
  }

  /** All that a page would draw in the end. */
  #render(n) {
    let { messages, outbox } = this.#room;
    if (fault === 'drop' && messages.length > 2) messages = messages.toSpliced(messages.length / 2, 1);
    if (fault === 'reorder' && messages.length > 2) messages = [messages[1], messages[0], ...messages.slice(2)];
    for (let i = 0; i < messages.length; i += chunk) this.#say({ on: 'rendered', changed: messages.slice(i, i + chunk) });
    this.#hold({ n, end: true, revs: messages.map(({ rev }) => rev), waiting: outbox.length });
  }
}

// --- The other side ---------------------------------------------------------------------------

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  if (line.servers) {
    ({ servers, fault } = line);
    users = new Map(line.users.map((u) => [u.number, new User(u)]));
    setInterval(() => rooms.forEach((place) => place.look()), lookEvery);
  } else if (line.do === 'block') {
    users.get(line.user).blocked = line.on;
  } else if (line.do) {
    rooms.get(line.member).do(line);
  } else {
    answers.get(line.n)(line.token);
    answers.delete(line.n);
  }
}
process.exit(0); // nobody is there any more
