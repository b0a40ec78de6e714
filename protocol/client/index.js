// A client of Caravan, a chat server. The protocol is described in docs/protocol.md of the server.

import { backoff, surroundings, willPass } from './backoff.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { CaravanError } from './outbox.js';
import { Room } from './room.js';

const askMax = 100; // rooms in a frame: the server takes no more
const pause = { min: 500, max: 30_000 }; // ms before the first attempt to connect again, and the longest
const steadyAfter = 10_000; // ms after which a connection was a good one
const blockedAfter = 2; // attempts in a row without a frame, after which the fallback is tried
const callTime = 20_000; // ms for a call of REST

const wakes = ['online', 'offline', 'visibilitychange']; // events after which the connection is looked at

const closeAgain = 4000; // closes of our own: connect again; at once, as that made progress
const closeOn = 4002; // or the fallback's: a WebSocket goes through again

export { CaravanError };

/** Whether the user may not read a room any more. */
const gone = (room) => room.state.phase === 'left';

/**
 * Caravan is one user's connection, and their rooms. It connects when it is made, and stays connected until `close`.
 * See index.d.ts. What begins with _ is for rooms alone.
 */
export class Caravan extends Emitter {
  state = { phase: 'connecting' };
  /** The user's id, as the token says. */
  user;

  #url;
  #token;
  #trip;
  #fallback;
  #options; // of a room
  #in; // surroundings
  #knowUser;
  #rooms = new Map(); // by the ids by which they are named
  #link = null;
  #viaFallback = false;
  #closed = false;
  #fresh = false; // the last token was refused
  #endPause = () => {};
  #after; // ms, as the server that closes has said
  #frames = 0; // subscribe frames so far
  #asks = new Map(); // client_id of a subscribe frame → its rooms
  #waiting = new Set(); // rooms for the next one

  constructor({ url = globalThis.location?.origin, token, trip, store, fallback, keep = 1_000, surroundings: given }) {
    super();
    this.#url = url.replace(/\/$/, '');
    this.#token = token;
    this.#trip = trip?.toLowerCase();
    this.#fallback = fallback;
    this.#in = { ...surroundings(), ...given };
    const user = new Promise((resolve) => (this.#knowUser = resolve));
    this.#options = { keep, store, user, surroundings: this.#in };
    for (const name of wakes) globalThis.addEventListener?.(name, this.#wake);
    if (trip) this.room();
    this.#run();
  }

  room(id = this.#trip) {
    id = id.toLowerCase();
    const known = this.#rooms.get(id);
    if (known && gone(known)) this.#drop(known);
    else if (known) return known;
    if (this.#closed) throw new CaravanError('closed');
    if (this.#trip && id !== this.#trip) throw new CaravanError('not_subscribed');
    const room = new Room(this, id, this.#options);
    this.#rooms.set(id, room);
    this._ask(room, 0);
    return room;
  }

  /** Calls REST below /api/v1/chat/. Resolves to the answer; rejects with a CaravanError where the server says no. */
  async rest(method, path, body) {
    const call = async (fresh) =>
      this.#in.fetch(`${this.#url}/api/v1/chat/${path}`, {
        method,
        headers: { Authorization: `Bearer ${await this.#token(fresh)}`, ...(body && { 'Content-Type': 'application/json' }) },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(callTime),
        cache: 'no-store',
      });
    let answer = await call(false);
    if (answer.status === 401) answer = await call(true);
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    throw new CaravanError(said.code ?? 'unknown_outcome', said.detail, { status: answer.status });
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const name of wakes) globalThis.removeEventListener?.(name, this.#wake);
    for (const room of this.#all) if (!gone(room)) room.close();
    this.#link?.close(1000);
    this.#endPause();
    this.#become({ phase: 'closed' });
  }

  // --- For rooms ----------------------------------------------------------------------

  _send(room, frame) {
    this.#link?.send(this.#ofOneRoom ? frame : { ...frame, chat_room_id: room.id });
  }

  /** Asks for a room's history, after ms. Where there is no connection, the next one begins with that. */
  _ask(room, ms) {
    if (ms) return void this.#in.setTimeout(() => this._ask(room, 0), ms);
    if (!this.#link?.open || this.#rooms.get(room.id) !== room || gone(room)) return;
    if (this.#ofOneRoom) {
      if (room._ask()) this.#link.close(closeOn);
      return;
    }
    if (!this.#waiting.size) queueMicrotask(() => this.#askAll());
    this.#waiting.add(room);
  }

  _restart() {
    this.#link?.close(closeAgain);
  }

  _forget(room) {
    this.#drop(room);
    if (this.#trip) this.close();
    else this.#link?.send({ type: 'unsubscribe', rooms: [room.id] });
  }

  #drop(room) {
    for (const [id, other] of this.#rooms) if (other === room) this.#rooms.delete(id);
    this.#waiting.delete(room);
  }

  // --- The connection -------------------------------------------------------------------

  /** Whether the socket is that of one room, and not of the user. */
  get #ofOneRoom() {
    return this.#trip && !this.#viaFallback;
  }

  get #all() {
    return [...new Set(this.#rooms.values())];
  }

  /** One connection after the other, until all is closed. */
  async #run() {
    let failures = 0; // in a row; sets the pace
    let refused = 0; // tokens in a row
    let unheard = 0; // attempts in a row that brought no frame
    while (!this.#closed) {
      const began = this.#in.now();
      this.#viaFallback = Boolean(this.#fallback) && unheard >= blockedAfter && unheard % 2 === 0;
      this.#become({ phase: 'connecting' });
      const { code, heard, error } = await this.#connect();
      if (this.#closed) return;
      if (heard) refused = 0;
      unheard = heard ? (this.#viaFallback && code !== closeOn ? blockedAfter : 0) : unheard + 1;
      if (heard && this.#in.now() - began > steadyAfter) failures = 0;
      if (code === 4001) this.#fresh = true;
      if (code === closeOn || (code === 4001 && refused++ === 0)) continue; // at once
      await this.#pause(this.#after ?? backoff(this.#in.random, failures, pause.min, pause.max), { code, error });
      failures++;
    }
  }

  #pause(ms, why) {
    this.#after = undefined;
    this.#become({ phase: 'waiting', retryAt: this.#in.now() + ms, ...why });
    return new Promise((resolve) => {
      const timer = this.#in.setTimeout(resolve, ms);
      this.#endPause = () => {
        this.#in.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One connection, from the token to its end. */
  async #connect() {
    let token;
    try {
      token = await this.#token(this.#fresh);
      this.user = JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).user_id.toLowerCase();
    } catch (error) {
      return { code: 1006, error };
    }
    if (this.#closed) return {};
    this.#knowUser(this.user);
    const link = (this.#link = new Link(this.#maker(token), this.#in, () => this.#opened(), (f) => this.#take(f)));
    const code = await link.ended;
    this.#link = null;
    this.#waiting.clear();
    this.#asks.clear();
    for (const room of this.#all) {
      if (!gone(room)) room._ended(code === 4003 ? 'left' : 'waiting', code);
    }
    if (code === 4003) this.close();
    return { code, heard: link.heard };
  }

  /** What opens the next connection: the fallback, the socket of one room, or that of the user. */
  #maker(token) {
    let socket = `${this.#url.replace(/^http/, 'ws')}/ws/chat/`;
    if (this.#trip) socket += `${this.#trip}/`;
    socket += '?v=2';
    const protocols = ['caravan', `token.${token}`];
    if (this.#viaFallback) return () => new this.#fallback({ url: this.#url, token, socket, protocols, surroundings: this.#in });
    for (const [name, value] of Object.entries((this.#trip && this.#rooms.get(this.#trip)?._ask()) ?? {})) {
      if (value !== undefined) socket += `&${name}=${value}`;
    }
    return () => new this.#in.WebSocket(socket, protocols);
  }

  #opened() {
    if (this.#ofOneRoom) return;
    this.#link.probe(); // its answer says that the token is taken
    for (const room of this.#all) this._ask(room, 0);
  }

  /** Asks for the histories of the rooms that wait, in as few frames as the server takes. */
  #askAll() {
    const rooms = [...this.#waiting].map((room) => [room, room._ask()]).filter(([, asked]) => asked);
    this.#waiting.clear();
    for (let i = 0; i < rooms.length; i += askMax) this.#subscribe(rooms.slice(i, i + askMax));
  }

  #subscribe(rooms) {
    const id = `rooms-${++this.#frames}`;
    this.#asks.set(id, rooms);
    this.#link?.send({ type: 'subscribe', rooms: rooms.map(([room, asked]) => ({ id: room.id, ...asked })), client_id: id });
  }

  /** Nothing of a frame is done where one room in it is at fault: then each is asked for by itself. */
  #notSubscribed(rooms, { code }) {
    if (rooms.length > 1 && !willPass(code)) for (const one of rooms) this.#subscribe([one]);
    else for (const [room] of rooms) room._left(code === 'invalid_field' ? 4003 : 1013);
  }

  #take(f) {
    if (!this.#link.heard) {
      this.#fresh = false; // this token is taken
      this.#become({ phase: this.#viaFallback ? 'fallback' : 'live' });
    }
    const { type, client_id: clientId } = f;
    const failed = type === 'error';
    if (type === 'token_expiring') this.#renew(this.#link);
    if (type === 'closing') this.#after = f.reconnect_after_ms;
    if (clientId === 'auth') return failed && willPass(f.code) && this.#renewLater(this.#link);
    const asked = this.#asks.get(clientId);
    if (asked && this.#asks.delete(clientId)) return failed && this.#notSubscribed(asked, f);
    const id = f.chat_room_id ?? f.message?.chat_room_id;
    const room = this.#rooms.get(id) ?? this.#rooms.get(f.trip_id) ?? this.#all.find((r) => this.#ofOneRoom || r._sent(f));
    if (!room) return failed && this._emit('problem', { code: f.code, message: f.message });
    if (type === 'message_history') this.#rooms.set(id, room);
    if (type === 'left') room._left(f.code);
    else room._take(f);
  }

  // --- What lasts -------------------------------------------------------------------------

  /** The connection goes on with a fresh token. Without one it ends, and the next one asks for it. */
  async #renew(link) {
    try {
      const token = await this.#token(true);
      if (link === this.#link) link.send({ type: 'auth', token, client_id: 'auth' });
    } catch {
      this.#renewLater(link);
    }
  }

  #renewLater(link) {
    this.#in.setTimeout(() => link === this.#link && this.#renew(link), 5_000);
  }

  #wake = () => {
    if (globalThis.navigator?.onLine !== false && globalThis.document?.visibilityState !== 'hidden') this.#endPause();
    this.#link?.probe();
  };

  #become(state) {
    this.state = state;
    this._emit('state', state);
  }
}
