// Which emoji the user has chosen. What a room tells is shared by all, and does not say it of each message.

import { Emitter } from './emitter.js';

const holdTime = 10_000; // ms for which a choice of the user's counts more than a summary, which may be from before it
const spare = 100; // messages that are not held, of which choices are kept all the same

/** Two emoji are the same one whether they ask for their coloured form or not. */
const plain = (emoji) => emoji.replaceAll('\uFE0F', '');

/** Reactions knows the user's own in a room: by what messages, answers and frames `own` say, and by what is sent and stored. */
export class Reactions extends Emitter {
  #room;
  #user; // gives the user's id
  #chosen = new Map(); // message id → Set of emoji
  #lately = []; // {message_id, emoji, on, until}: what the user has chosen and the server has stored
  #ends;

  constructor(caravan, room) {
    super();
    this.#room = room;
    this.#user = () => caravan.user;
    for (const m of room.messages) this.#learn(m);
    this.#ends = [
      room.on('messages', ({ changed, reset, page }) => {
        if (reset && !room.seq) this.#forget();
        for (const m of changed) this.#learn(m, page);
        this.#keepToWhatIsHeld();
      }),
      room.on('own', ({ reactions = {} }) => {
        for (const id in reactions) this.#chosen.set(id, new Set(reactions[id].map(plain)));
        this._emit('reactions');
      }),
      room.on('stored', ({ frame }) => frame.emoji && this.#choose(frame)),
      room.on('outbox', () => this._emit('reactions')),
    ];
  }

  /** The emoji, without U+FE0F, that the user has chosen for a message, what is not stored yet among them. */
  chosen(id) {
    const all = new Set(this.#chosen.get(id));
    const writing = this.#room.outbox.filter((e) => e.status === 'pending').map((e) => e.frame);
    for (const { message_id: of, emoji, on, until } of [...this.#lately, ...writing]) {
      if (of === id && emoji && !(until < Date.now())) all[on ? 'add' : 'delete'](plain(emoji));
    }
    return all;
  }

  close() {
    for (const end of this.#ends) end();
  }

  /** A message may say who has reacted. With page it is an answer of REST, which names the user's own, where there are some. */
  #learn({ id, reactions = [], my_reactions: mine }, page) {
    if (!mine && !page && reactions.some((r) => !r.by)) return;
    mine ??= reactions.filter((r) => r.by?.includes(this.#user())).map((r) => r.emoji);
    if (mine.length) this.#chosen.set(id, new Set(mine.map(plain)));
    else this.#chosen.delete(id);
  }

  /** The server has stored a choice. */
  #choose(frame) {
    const now = Date.now();
    this.#lately = [...this.#lately.filter((c) => c.until > now), { ...frame, until: now + holdTime }];
    this.#chosen.set(frame.message_id, this.chosen(frame.message_id));
  }

  #keepToWhatIsHeld() {
    const { messages } = this.#room;
    if (this.#chosen.size <= 2 * messages.length + spare) return;
    const held = new Set(messages.map((m) => m.id));
    for (const id of this.#chosen.keys()) if (!held.has(id)) this.#chosen.delete(id);
  }

  #forget() {
    this.#chosen.clear();
    this.#lately = [];
  }
}
