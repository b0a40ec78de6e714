// A client of Caravan, a chat server. The protocol is described in docs/protocol.md of the server.

import { backoff, willPass } from './backoff.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { CaravanError } from './outbox.js';
import { Room } from './room.js';

const askMax = 100; // rooms in a frame: the server takes no more
const steadyAfter = 10_000; // ms after which a connection was a good one
const callTime = 20_000; // ms for a call of REST
const tokenTime = 60_000; // ms for a token: somebody may have to sign in
const renewAfter = 5_000; // ms until a fresh token is asked for once more

const wakes = ['online', 'offline', 'visibilitychange']; // events after which the connection is looked at

export { CaravanError };

/**
 * Caravan is one user's connection, and their rooms. It connects when it is made, and stays connected until `close`.
 * See index.d.ts. What begins with _ is for the other modules alone.
 */
export class Caravan extends Emitter {
  state = { phase: 'connecting' };
  /** The user's id, as the token says. */
  user;

  #socket; // opens one
  #options; // of a room
  #knowUser;
  #rooms = new Set();
  #link = null;
  #closed = false;
  #fresh = false; // the last token was refused
  #renewal; // timer: a fresh token is asked for once more when it ends
  #endPause = () => {};
  #after; // ms, as the server that closes has said
  #frames = 0; // subscribe frames so far
  #asks = new Map(); // client_id of a subscribe frame → its rooms
  #waiting = new Set(); // rooms for the next one

  constructor({ url = location.origin, token, user: name, store, keep = 1_000, socket = (...args) => new WebSocket(...args) }) {
    super();
    this._url = url.replace(/\/$/, '');
    this._token = (fresh) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new CaravanError('timeout')), tokenTime);
        Promise.resolve(fresh).then(token).finally(() => clearTimeout(timer)).then(resolve, reject);
      });
    this.#socket = socket;
    const user = new Promise((resolve) => (this.#knowUser = resolve));
    if (name) this.#knowUser((this.user = name.toLowerCase()));
    this.#options = { keep, store, user };
    this.#listen('add');
    this.#run();
  }

  room(id, light) {
    id = id.toLowerCase();
    for (const room of this.#named(id)) {
      if (room.state.phase !== 'left') return light ? room : room._open();
      this.#rooms.delete(room);
    }
    if (this.#closed) throw new CaravanError('closed', 'The chat is closed');
    const room = new Room(this, id, { ...this.#options, light });
    this.#rooms.add(room);
    this._ask(room, 0);
    return room;
  }

  /** Calls REST below /api/v1/chat/. Resolves to the answer; rejects with a CaravanError where there is none, or a refusal. */
  async rest(method, path, body) {
    const call = async (fresh) =>
      fetch(`${this._url}/api/v1/chat/${path}`, {
        method,
        headers: { Authorization: `Bearer ${await this._token(fresh)}`, ...(body && { 'Content-Type': 'application/json' }) },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(callTime),
        cache: 'no-store',
      });
    let answer;
    try {
      answer = await call(false);
      if (answer.status === 401) answer = await call(true);
    } catch (cause) {
      throw new CaravanError('unreachable', cause.message, { cause });
    }
    const said = await answer.json().catch(() => 0);
    if (answer.ok && said) return said;
    throw new CaravanError(said.code ?? 'unknown_outcome', said.detail, { status: answer.status });
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#listen('remove');
    for (const room of this.#rooms) room.close();
    this.#link?.close(1000);
    this.#endPause();
    this.#become({ phase: 'closed' });
  }

  // --- For rooms ----------------------------------------------------------------------

  _send(room, frame) {
    this.#link?.send({ ...frame, chat_room_id: room.id });
  }

  /** Asks for a room's history, after ms. Where there is no connection, the next one begins with that. */
  _ask(room, ms) {
    if (ms) return void setTimeout(() => this._ask(room, 0), ms);
    if (!this.#link?.open || !this.#rooms.has(room)) return;
    if (!this.#waiting.size) queueMicrotask(() => this.#askAll());
    this.#waiting.add(room);
  }

  _restart() {
    this.#link?.close(1006);
  }

  _forget(room) {
    this.#rooms.delete(room);
    this.#waiting.delete(room);
    if (!this.#named(room.id).length) this.#link?.send({ type: 'unsubscribe', rooms: [room.id] });
  }

  /** The rooms with one of these ids: two, where one was asked for by both of its ids before the server had named them. */
  #named(...ids) {
    return [...this.#rooms].filter((room) => ids.some((id) => room._ids.has(id)));
  }

  // --- The connection -------------------------------------------------------------------

  /** One connection after the other, until all is closed. */
  async #run() {
    let failures = 0; // in a row; sets the pace
    let refused = 0; // tokens in a row
    while (!this.#closed) {
      const began = Date.now();
      this.#become({ phase: 'connecting' });
      const { code, heard, error } = await this.#connect();
      if (this.#closed) return;
      if (heard) {
        refused = 0;
        if (Date.now() - began > steadyAfter) failures = 0;
      }
      this.#fresh ||= code === 4001;
      if (code === 4001 && !refused++) continue; // at once
      await this.#pause(this.#after ?? backoff(failures++), { code, error });
    }
  }

  #pause(ms, why) {
    this.#after = undefined;
    this.#become({ phase: 'waiting', retryAt: Date.now() + ms, ...why });
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One connection, from the token to its end. */
  async #connect() {
    let token;
    try {
      token = await this._token(this.#fresh);
      const user = JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).user_id.toLowerCase();
      if (user !== (this.user ??= user)) throw new CaravanError('wrong_user'); // its outbox is not theirs
    } catch (error) {
      return { code: 1006, error };
    }
    if (this.#closed) return {};
    this.#knowUser(this.user);
    const open = () => this.#socket(`${this._url.replace(/^http/, 'ws')}/ws/chat/?v=2`, ['caravan', `token.${token}`]);
    const link = (this.#link = new Link(open, () => this.#opened(), (f) => this.#take(f)));
    const code = await link.ended;
    this.#link = null;
    this.#waiting.clear();
    this.#asks.clear();
    for (const room of this.#rooms) room._ended('waiting', code);
    return { code, heard: link.heard };
  }

  #opened() {
    this.#link.probe(); // its answer says that the token is taken
    for (const room of this.#rooms) this._ask(room, 0);
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
    const { type, code, client_id: clientId } = f;
    if (!this.#link.heard) {
      this.#fresh = false; // this token is taken
      this.#become({ phase: this.#link.phase });
    }
    const failed = type === 'error';
    if (type === 'token_expiring') this.#renew(this.#link);
    if (type === 'closing') this.#after = f.reconnect_after_ms;
    if (clientId === 'auth') return failed && willPass(code) && this.#renewLater(this.#link);
    const asked = this.#asks.get(clientId);
    if (asked && this.#asks.delete(clientId)) return failed && this.#notSubscribed(asked, f);
    let rooms = [...this.#rooms].filter((room) => clientId && room._sent(clientId));
    if (!rooms.length) rooms = this.#named(f.chat_room_id ?? f.message?.chat_room_id, f.trip_id);
    if (failed && !rooms.length) this._emit('problem', f);
    for (const room of rooms) room._take(f);
  }

  // --- What lasts -------------------------------------------------------------------------

  /** The connection goes on with a fresh token. Without one it ends, and the next one asks for it. */
  async #renew(link) {
    try {
      const token = await this._token(true);
      if (link === this.#link) link.send({ type: 'auth', token, client_id: 'auth' });
    } catch {
      this.#renewLater(link);
    }
  }

  #renewLater(link) {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => link === this.#link && this.#renew(link), renewAfter);
  }

  #listen(how) {
    for (const name of wakes) globalThis[`${how}EventListener`]?.(name, this.#wake);
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
