// What surrounds a client in tests: a clock that stands until it is told to pass, sockets without a network, and REST
// that answers what the test says.

import { Caravan } from '../index.js';

export const me = 'c2b1a0f4-52f4-4f1f-9d3c-6f1f5a9a7e21';
export const other = '77aa4c12-9d61-4a0e-8a53-6b6cfb7f3b10';
export const trip = '4f0c1b0e-6a52-4c9b-9d0c-0a6f0e6b7c11';
export const roomId = '6b1f2f57-9d61-4a0e-8a53-6b6cfb7f3b10';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The nth token of a user. */
export const token = (n = 1, user = me) => `${part({ alg: 'HS256' })}.${part({ user_id: user, n })}.signature`;

/** Lets everything happen that waits for nothing but its turn. */
export async function settle() {
  for (let i = 0; i < 40; i++) await undefined;
  await new Promise((resolve) => setImmediate(resolve));
}

/** Clock is what timers go by in a test. */
class Clock {
  now = 1_000_000;
  #timers = new Map();

  set(fn, ms, every) {
    this.#timers.set(++timers, { fn, at: this.now + ms, every });
    return timers;
  }

  clear(id) {
    this.#timers.delete(id);
  }

  get waiting() {
    return this.#timers.size;
  }

  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const [id, next] = [...this.#timers].sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0] ?? [];
      if (!next || next.at > end) break;
      this.now = Math.max(this.now, next.at);
      if (next.every) next.at += next.every;
      else this.#timers.delete(id);
      next.fn();
    }
    this.now = end;
    await settle();
  }
}

let timers = 0; // ids so far
let world; // the newest one: its clock is the time, and it answers REST

globalThis.setTimeout = (fn, ms) => world.clock.set(fn, ms);
globalThis.setInterval = (fn, ms) => world.clock.set(fn, ms, ms);
globalThis.clearTimeout = globalThis.clearInterval = (id) => world.clock.clear(id);
globalThis.fetch = (url, options) => world.fetch(url, options);
Date.now = () => world.clock.now;
Math.random = () => 0.5;

class Socket {
  sent = [];
  closed = false;
  #listeners = [];

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  addEventListener(type, fn) {
    this.#listeners.push({ type, fn });
  }

  /** The frames of one type that the client has sent. */
  frames(type) {
    return this.sent.filter((f) => f.type === type);
  }

  async opens() {
    this.onopen?.();
    await settle();
  }

  async says(...frames) {
    for (const f of frames) this.#tell('message', { data: JSON.stringify(f) });
    await settle();
  }

  async ends(code) {
    this.#tell('close', { code });
    await settle();
  }

  #tell(type, event) {
    for (const l of this.#listeners) if (l.type === type) l.fn(event);
    this[`on${type}`]?.(event);
  }
}

/** World is a client with what surrounds it. */
export class World {
  clock = new Clock();
  sockets = [];
  tokens = []; // for each that was asked for, whether it had to be fresh
  calls = []; // of REST: {method, path, body}
  blocked = false;
  stalls = false; // REST answers nothing
  answers = () => ({ status: 404, body: { code: 'not_found' } });

  /** @param options of Caravan, and in front of its sockets `roomSockets` or `orLongPoll` */
  constructor({ standIn = (open) => open, ...options } = {}) {
    world = this;
    const open = (...args) => {
      const socket = new Socket(...args);
      if (this.blocked) throw new Error('blocked');
      this.sockets.push(socket);
      return socket;
    };
    const give = async (fresh) => token(this.tokens.push(fresh));
    this.caravan = new Caravan({ url: 'https://chat.example/', token: give, socket: standIn(open), ...options });
  }

  /** From now on no WebSocket can be opened. */
  block() {
    this.blocked = true;
  }

  async fetch(url, { method, body, signal }) {
    const call = { method, path: url.replace('https://chat.example/api/v1/chat/', ''), body: typeof body === 'string' ? JSON.parse(body) : body };
    this.calls.push(call);
    const { status = 200, body: answer, after } = await this.answers(call);
    if (this.stalls) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (!status) throw new TypeError('fetch failed');
    return { ok: status < 300, status, json: async () => answer, blob: async () => new Blob([JSON.stringify(answer)]), headers: new Headers(after ? { 'Retry-After': after } : {}) };
  }

  /** The newest socket. */
  get socket() {
    return this.sockets.at(-1);
  }

  /** Follows the room, and lets the server answer with its newest page. */
  async enters(messages = [], seq = messages.length) {
    const room = this.caravan.room(trip);
    await settle();
    await this.socket.opens();
    await this.socket.says(history({ messages, seq }), own());
    return room;
  }
}

export const message = (seq, more = {}) => ({
  id: `message-${seq}`, chat_room_id: roomId, sender: { id: other }, content: `content ${seq}`, message_type: 'text', reply_to: null, seq, rev: seq, ...more,
});

export const messages = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

export const event = (seq, more = {}, frame = {}) => ({ type: 'chat_message', message: message(seq, more), seq, ...frame });

export const history = (more) => ({ type: 'message_history', chat_room_id: roomId, trip_id: trip, messages: [], seq: 0, ...more });

export const own = (more) => ({ type: 'own', v: 2, chat_room_id: roomId, role: 'member', permissions: ['send'], read_seq: 0, reactions: {}, ...more });

/** The numbers of the messages that a room holds. */
export const seqs = (room) => room.messages.map((m) => m.seq);

/** A store in memory, as localStorage is one. */
export function memory() {
  const texts = new Map();
  return { texts, get: (key) => texts.get(key) ?? null, set: (key, text) => void texts.set(key, text) };
}
