// What concerns the user alone: their role, how far they have read, their reactions.

/** Two emoji are the same one whether they ask for their coloured form or not. */
const plain = (emoji) => emoji.replaceAll('\uFE0F', '');

/** Own keeps what the server says of the user in a room, in frames `own` and in messages. */
export class Own {
  role = '';
  /** Null: not known. */
  permissions = null;
  readSeq = 0;

  #user; // gives the user's id
  #chosen = new Map(); // message id → Set of emoji

  constructor(user) {
    this.#user = user;
  }

  /** Takes a frame `own`: all there is, or what has changed. Returns whether we have read further than the server knows. */
  take({ role = this.role, permissions = this.permissions, read_seq: seq = this.readSeq, reactions = {} }) {
    this.role = role;
    this.permissions = permissions;
    for (const id in reactions) this.#chosen.set(id, new Set(reactions[id].map(plain)));
    return !this.mark(seq) && seq < this.readSeq;
  }

  /** Returns whether that is further than before. */
  mark(seq) {
    if (seq <= this.readSeq) return false;
    this.readSeq = seq;
    return true;
  }

  /** A message may say who has reacted. With page it is an answer of REST, which names the user's own, where there are some. */
  learn({ id, reactions = [], my_reactions: mine }, page) {
    if (!mine && !page && reactions.some((r) => !r.by)) return;
    mine ??= reactions.filter((r) => r.by?.includes(this.#user())).map((r) => r.emoji);
    if (mine.length) this.#chosen.set(id, new Set(mine.map(plain)));
    else this.#chosen.delete(id);
  }

  choose(id, emoji, on) {
    const all = this.chosen(id);
    all[on ? 'add' : 'delete'](plain(emoji));
    this.#chosen.set(id, all);
  }

  /** The emoji, without U+FE0F, that the user has chosen for a message: a copy. */
  chosen(id) {
    return new Set(this.#chosen.get(id));
  }

  /** Forgets the choices for messages that are not held any more, when they are many. */
  keepTo(timeline) {
    if (this.#chosen.size <= 2 * timeline.size + 100) return;
    for (const id of this.#chosen.keys()) if (!timeline.get(id)) this.#chosen.delete(id);
  }

  /** What was known is void. */
  forget() {
    this.readSeq = 0;
    this.#chosen.clear();
  }
}
