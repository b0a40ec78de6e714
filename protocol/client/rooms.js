// All rooms of the user, with what is unread in each.

import { Emitter } from './emitter.js';

const followedMax = 100; // rooms whose events are listened to: the ones with the latest messages
const askEvery = 300_000; // ms between two looks at the list: trips come and go without a word
const pollEvery = 20_000; // ms between two looks while there is no WebSocket
const askLater = 1_000; // ms until a room is looked at again: there may be more to ask
const countMax = 100; // the server counts no further

/**
 * Rooms is the list of a user's rooms. It asks for the list, follows the rooms, and counts what comes; where that is not
 * enough to know a number, it asks for the room.
 */
export class Rooms extends Emitter {
  /** The rooms, the one with the latest message in front. Another array after each change. */
  list = [];
  /** Whether the list was read once. */
  loaded = false;

  #caravan;
  #rows = new Map(); // room id → as the server has said last
  #followed = new Map(); // room id → {room, ends}
  #asking = new Map(); // room id → timer
  #asked = new Map(); // room id → how far was read when it was asked for
  #timer;
  #told = false; // the list is made anew at the end of the turn
  #refreshing; // Promise
  #closed = false;
  #end;

  constructor(caravan) {
    super();
    this.#caravan = caravan;
    this.#end = caravan.on('state', ({ phase }) => {
      if (phase === 'live') this.#follow();
      if (phase === 'fallback') this.#leave(() => true);
      if (phase === 'live' || phase === 'fallback') this.#again();
      if (phase === 'closed') this.close();
    });
    this.#again();
  }

  /** Messages that are unread, in all rooms. */
  get unread() {
    return this.list.reduce((sum, { unread }) => sum + unread, 0);
  }

  /** Asks for the whole list. */
  refresh() {
    return (this.#refreshing ??= this.#load().finally(() => (this.#refreshing = undefined)));
  }

  close() {
    this.#end();
    clearTimeout(this.#timer);
    for (const timer of this.#asking.values()) clearTimeout(timer);
    for (const { ends } of this.#followed.values()) for (const end of ends) end();
    this.#followed.clear();
    this.#closed = true;
  }

  /** Looks at the list, now and then. */
  async #again() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const failed = await this.refresh().catch((error) => error);
    if (this.#closed || this.#timer) return;
    if (failed) this._emit('problem', { code: failed.code, message: failed.message });
    this.#timer = setTimeout(() => this.#again(), failed || this.#caravan.state.phase === 'fallback' ? pollEvery : askEvery);
  }

  async #load() {
    const rows = new Map();
    for (let path = 'rooms/?limit=100'; path; ) {
      const { results, next } = await this.#caravan.rest('GET', path);
      for (const row of results) rows.set(row.id, row);
      path = next && `rooms/${new URL(next, 'http://any').search}`;
    }
    if (this.#closed) return;
    this.#rows = rows;
    this.loaded = true;
    for (const id of this.#followed.keys()) if (!rows.has(id)) this.#unfollow(id);
    this.#follow();
    this.#change();
  }

  // --- What the rooms tell -------------------------------------------------------------

  /** Listens to the rooms. Over REST each further one would be a poll: there the list is asked for more often instead. */
  #follow() {
    if (this.#closed || this.#caravan.state.phase !== 'live') return;
    this.#asked.clear();
    const latest = [...this.#rows.values()].sort(byLatest((row) => row.last_message)).slice(0, followedMax);
    const ids = new Set(latest.map((row) => row.id));
    this.#leave((id) => !ids.has(id));
    for (const { id, trip_id: trip } of latest) {
      if (this.#followed.has(id)) continue;
      const room = this.#caravan.room(trip, true);
      this.#followed.set(id, {
        room,
        ends: [
          room.on('messages', ({ changed }) => this.#hear(id, changed)),
          room.on('own', () => this.#change()),
          room.on('state', ({ phase }) => this.#lose(id, phase)),
        ],
      });
    }
  }

  /** Closes the rooms that nobody has opened, where that is said of them. */
  #leave(which) {
    for (const [id, { room }] of this.#followed) {
      if (!room._light || !which(id)) continue;
      this.#unfollow(id);
      room.close();
    }
  }

  #unfollow(id) {
    for (const end of this.#followed.get(id).ends) end();
    this.#followed.delete(id);
  }

  /** The user may not read a room any more, or the page has closed it, which may close all. */
  #lose(id, phase) {
    if (phase !== 'left' && phase !== 'closed') return;
    this.#unfollow(id);
    if (phase === 'left') this.#rows.delete(id);
    queueMicrotask(() => this.#follow());
    this.#change();
  }

  #hear(id, changed) {
    const row = this.#rows.get(id);
    if (changed.some((m) => m.deleted_at && m.seq <= row?.last_seq)) this.#ask(id); // it may have been counted
    this.#change();
  }

  /** Asks for one room, a little later. */
  #ask(id) {
    if (this.#asking.has(id)) return;
    const timer = setTimeout(async () => {
      const row = await this.#caravan.rest('GET', `rooms/${id}/`).catch(() => undefined); // the next list has it
      this.#asking.delete(id);
      if (!row || !this.#rows.has(id)) return;
      this.#rows.set(id, row);
      this.#change();
    }, askLater);
    this.#asking.set(id, timer);
  }

  // --- The list --------------------------------------------------------------------------

  #change() {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      if (this.#closed) return;
      this.list = [...this.#rows.values()].map((row) => this.#entry(row)).sort(byLatest((entry) => entry.lastMessage));
      this._emit('rooms', this.list);
    });
  }

  #entry(row) {
    const room = this.#followed.get(row.id)?.room;
    const held = room?.messages.at(-1);
    return {
      id: row.id,
      tripId: row.trip_id,
      title: row.title,
      role: room?.role || row.role,
      online: row.online,
      lastMessage: held && held.seq >= (row.last_message?.seq ?? 0) ? held : row.last_message,
      ...this.#unreadOf(row, room),
    };
  }

  /** What is unread: counted here where all of it is held, and otherwise by the server, and here what came since. */
  #unreadOf(row, room) {
    const readSeq = Math.max(row.read_seq, room?.readSeq ?? 0);
    const messages = room?.messages ?? [];
    const covered = room && room.seq >= row.last_seq && (room.complete || messages[0]?.seq <= readSeq + 1);
    const from = covered ? readSeq : Math.max(readSeq, row.last_seq);
    const news = messages.filter((m) => m.seq > from && m.sender.id !== this.#caravan.user && !m.deleted_at);
    const mine = news.filter((m) => m.mentions_all || m.mentions?.includes(this.#caravan.user));
    let counted = { unread: 0, mentions: 0 };
    if (!covered && readSeq < row.last_seq) {
      counted = row;
      if (readSeq > row.read_seq && readSeq > (this.#asked.get(row.id) ?? 0)) {
        this.#asked.set(row.id, readSeq); // the server may not know it for long
        this.#ask(row.id);
      }
    }
    return {
      readSeq,
      unread: Math.min(countMax, counted.unread + news.length),
      mentions: Math.min(countMax, counted.mentions + mine.length),
    };
  }
}

/** Orders by the last message that of gives, the latest in front. */
function byLatest(of) {
  const time = (it) => of(it)?.created_at ?? '';
  return (a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0);
}
