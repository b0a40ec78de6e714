// The rooms of a user, and what is unread in them.

import { backoff, Pause } from './caravan-pause.js';
import { closeTooManyRooms } from './caravan-socket.js';

const recountAfter = 300; // ms, as several things may change at once
const countMax = 100; // the server counts no further
const hearMax = 190; // rooms heard to be counted: a server takes 200 on a socket, and some are open on the page
const trying = { min: 1_000, max: 60_000 }; // ms before what was refused for now is asked for again

/** The codes of rooms that are not asked for again on the same socket: another subscribes, nobody may, no more fit. */
const final = [4000, 4003, closeTooManyRooms];

/**
 * Rooms is the list of a user's rooms: {id, trip, title, unread, mentions}, in `list`. The server
 * counts, when the socket is new and where something is read or deleted; between that new messages
 * are added. It hears the rooms that nobody else subscribes to, the first hearMax of the list: the
 * others are counted with each new socket. Event: `change`.
 */
export class Rooms extends EventTarget {
  list = [];

  #socket;
  #rest;
  #user;
  #turn = 0; // of refresh: only the last one counts
  #early = new Map(); // id of a room that is not in the list → {seq, read}: the last that was heard of it

  constructor({ socket, rest, user }) {
    super();
    this.#socket = socket;
    this.#rest = rest;
    this.#user = user;
    socket.addEventListener('open', () => this.refresh());
    socket.addEventListener('frame', ({ detail }) => this.#take(detail));
    socket.addEventListener('sent', ({ detail: { trip, frame } }) => {
      if (frame.type === 'mark_read') this.#read(this.#find((r) => r.trip === trip), frame.seq);
    });
  }

  /** Asks for the whole list, until it is told, and hears what nobody hears. */
  async refresh() {
    const turn = ++this.#turn;
    for (let failures = 1; turn === this.#turn; failures++) {
      const changes = new Map(this.list.map((r) => [r.id, r.changes]));
      try {
        const told = await this.#rest.rooms();
        if (turn === this.#turn) this.#learn(told, changes);
        return;
      } catch {
        await new Pause().start(backoff(failures, trying));
        if (!this.#socket.open) return; // the next socket asks again
      }
    }
  }

  /** Takes a list for which was asked when the rooms had had so many changes. */
  #learn(told, changes) {
    const before = new Map(this.list.map((r) => [r.id, r]));
    this.list = told.map((t) => before.get(t.id) ?? { ...asRoom(t), changes: 0, unread: 0, mentions: 0, read: 0, seq: 0 });
    for (const [i, room] of this.list.entries()) {
      this.#update(room, told[i], changes.get(room.id) ?? 0);
      const { seq = 0, read = 0 } = this.#early.get(room.id) ?? {};
      if (seq > room.seq || read > room.read) this.#recount(room, { seq: Math.max(seq, room.seq), read: Math.max(read, room.read) });
    }
    this.#early.clear();
    for (const { trip } of this.list.slice(0, hearMax)) this.#hear(trip);
    this.#changed();
  }

  /** Takes what the server has counted, unless something has changed since it was asked. */
  #update(room, told, changes) {
    const { unread, mentions, read, seq, ...names } = asRoom(told);
    Object.assign(room, names);
    room.seq = Math.max(seq, room.seq);
    if (room.changes !== changes) return this.#recount(room, { read: Math.max(read, room.read) });
    Object.assign(room, { read, unread, mentions });
  }

  /** Hears a room that nobody hears. What is refused for now is asked for again, on the same socket. */
  async #hear(trip) {
    for (let failures = 1; this.#socket.open && !this.#socket.hears(trip); failures++) {
      const subscription = this.#socket.subscribe(trip, { limit: 1 }, () => {});
      const code = await subscription.ended;
      if (final.includes(code) || !this.#socket.open) return; // the next socket asks again
      if (subscription.joined) failures = 1;
      await new Pause().start(backoff(failures, trying));
    }
  }

  #find(accept) {
    return this.list.find(accept);
  }

  #take(frame) {
    const id = frame.chat_room_id ?? frame.message?.chat_room_id;
    const room = this.#find((r) => r.id === id);
    if (frame.duplicate) return;
    if (!room) return this.#takeEarly(id, frame);
    const news = frame.seq > room.seq; // the server's last count was without it
    if (frame.type === 'message_history') return this.#takeHistory(room, frame.seq);
    room.seq = Math.max(room.seq, frame.seq ?? 0);
    if (frame.type === 'chat_message' && news) this.#add(room, frame.message);
    if (frame.type === 'message_edited' && frame.message.deleted_at) this.#recount(room);
    if (frame.type === 'own' && frame.read_seq !== undefined) this.#read(room, frame.read_seq);
    if (frame.type === 'room') this.#recount(room);
  }

  /** What is heard before the list is told may not be in it. */
  #takeEarly(id, { seq = 0, read_seq: read = 0 }) {
    if (!id) return;
    const last = this.#early.get(id);
    this.#early.set(id, { seq: Math.max(seq, last?.seq ?? 0), read: Math.max(read, last?.read ?? 0) });
  }

  /** A history says where the room is: further than it was counted, or the database went back. */
  #takeHistory(room, seq) {
    if (seq === room.seq) return;
    if (seq < room.seq) room.read = Math.min(room.read, seq);
    room.seq = seq;
    this.#recount(room);
  }

  #add(room, { sender, seq, mentions = [], mentions_all: all }) {
    if (sender.id === this.#user || seq <= room.read) return;
    room.changes++;
    room.unread = Math.min(room.unread + 1, countMax);
    if (all || mentions.includes(this.#user)) room.mentions = Math.min(room.mentions + 1, countMax);
    this.#changed();
  }

  #read(room, seq) {
    if (!room || seq < room.read) return;
    if (seq > room.read) return this.#recount(room, { read: seq });
    room.changes++; // an answer on its way may not know of it
  }

  /** Has a room counted anew; known is what was heard of it. Where all is read nothing needs to be counted. */
  #recount(room, known = {}) {
    Object.assign(room, known);
    room.changes++;
    if (room.read >= room.seq) {
      Object.assign(room, { unread: 0, mentions: 0 });
      this.#changed();
    } else {
      room.timer ??= setTimeout(() => this.#ask(room), recountAfter);
    }
  }

  async #ask(room, failures = 1) {
    room.timer = undefined;
    const { changes } = room;
    try {
      this.#update(room, await this.#rest.room(room.id), changes);
      this.#changed();
    } catch (error) {
      const refused = error.status < 500 && error.status !== 429;
      if (refused || !this.#socket.open) return; // it is asked for again with the next socket
      room.timer ??= setTimeout(() => this.#ask(room, failures + 1), backoff(failures, trying));
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

const asRoom = ({ id, trip_id: trip, title, unread, mentions, read_seq: read, last_seq: seq }) => ({ id, trip, title, unread, mentions, read, seq });
