// Who has read how far: the user, on any device, and in small rooms the others. No I/O, no DOM.

/** Reads keeps the greatest number that each is known to have read up to. */
export class Reads {
  #user;
  #own = null; // of the user; null: the server has not said
  #others = new Map(); // user id → number

  constructor(user) {
    this.#user = user;
  }

  /** The user has read up to a number. Returns the frame that says so, if that is news. */
  mark(seq) {
    if (this.#own === null || seq <= this.#own) return undefined;
    this.#own = seq;
    return { type: 'mark_read', seq };
  }

  /**
   * Takes a frame `own`, and returns what is to be sent. The one with `v` follows a history: then we
   * ask who has read how far and who is here, and say again what the server does not know.
   */
  takeOwn({ v, read_seq: seq = 0 }) {
    const behind = seq < (this.#own ?? 0);
    this.#own = Math.max(this.#own ?? 0, seq);
    if (v === undefined) return [];
    const watch = { type: 'watch', reads: true, presence: true };
    return behind ? [watch, { type: 'mark_read', seq: this.#own }] : [watch];
  }

  /** Takes a frame `reads`. */
  take({ reads }) {
    for (const { user_id: user, seq } of reads) {
      if (user !== this.#user) this.#others.set(user, Math.max(this.#others.get(user) ?? 0, seq));
    }
  }

  /** The ids of the others who have read a message. */
  readersOf({ seq, sender }) {
    return [...this.#others].filter(([user, at]) => at >= seq && user !== sender.id).map(([user]) => user);
  }
}
