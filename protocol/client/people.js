// Who is in a room, how far they have read, and who types.

import { Emitter } from './emitter.js';

const typingFades = 6_000; // ms after which somebody does not type any more
const typersMax = 50; // beyond, nobody can tell them apart

/** People keeps what a room tells of its members. `room.watch` says whether it tells of presence and reads. */
export class People extends Emitter {
  /** {online, users: Set or null, partial} */
  presence;
  reads = new Map(); // user id → seq
  typers = new Map(); // user id → {email, timer}

  #ends;

  constructor(room) {
    super();
    this.#leave();
    this.#ends = [
      room.on('presence', (f) => this.#takePresence(f)),
      room.on('reads', ({ reads }) => this.#takeReads(reads)),
      room.on('typing', (f) => this.#takeTyping(f.user_id, f.user_email, f.is_typing)),
      room.on('state', ({ phase }) => phase !== 'live' && this.#leave()),
      room.on('messages', ({ changed, reset, page }) => {
        if (reset && !room.seq) this.reads.clear(); // the database went back
        if (!page) for (const m of changed) if (m.rev === m.seq) this.#takeTyping(m.sender.id);
      }),
    ];
  }

  close() {
    for (const end of this.#ends) end();
    this.#leave();
  }

  /** Nobody tells who is here any more. */
  #leave() {
    for (const { timer } of this.typers.values()) clearTimeout(timer);
    this.typers.clear();
    this.presence = { online: null, users: null, partial: false };
    this._emit('presence', this.presence);
    this._emit('typing', this.typers);
  }

  #takePresence({ online, full, users, joined = [], left = [], partial = false }) {
    let here = full ? new Set(users) : this.presence.users && new Set([...this.presence.users, ...joined]);
    for (const id of left) here?.delete(id);
    if (!full && !joined.length && !left.length) here = null; // a number alone
    this.presence = { online, users: here, partial };
    this._emit('presence', this.presence);
  }

  #takeReads(reads) {
    for (const { user_id: user, seq } of reads) this.reads.set(user, Math.max(seq, this.reads.get(user) ?? 0));
    this._emit('reads', this.reads);
  }

  #takeTyping(user, email, on) {
    const known = this.typers.get(user);
    if (!known && (!on || this.typers.size >= typersMax)) return;
    clearTimeout(known?.timer);
    if (on) this.typers.set(user, { email, timer: setTimeout(() => this.#takeTyping(user), typingFades) });
    else this.typers.delete(user);
    this._emit('typing', this.typers);
  }
}
