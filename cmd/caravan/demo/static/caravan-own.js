// What concerns the user alone: their role, what it permits, and their reactions. No I/O, no DOM.

/** Two emoji are the same one whether they ask for their coloured form or not. */
export const emojiKey = (emoji) => emoji.replaceAll('\uFE0F', '');

/** Own keeps what the server says of one user in a room, in frames `own` and in messages. */
export class Own {
  /** The user's role in the trip; empty: none, or not known. */
  role = '';

  #user;
  #permissions = null; // null: not known, as over REST
  #chosen = new Map(); // message id → Set of emoji keys

  constructor(user) {
    this.#user = user;
  }

  /** Whether the user may do something. Where that is not known the server will say. */
  may(permission) {
    return this.#permissions?.includes(permission) ?? !['moderate', 'mention_all'].includes(permission);
  }

  /** Takes a frame `own`: all there is, or what has changed. */
  take({ role, permissions, reactions = {} }) {
    this.role = role ?? this.role;
    this.#permissions = permissions ?? this.#permissions;
    for (const [id, all] of Object.entries(reactions)) this.#chosen.set(id, new Set(all.map(emojiKey)));
  }

  /**
   * Learns from a message in its present state: its reactions may name people. Whatever a page of REST
   * shows has `my_reactions`, or none are the user's.
   */
  learn({ id, reactions = [], my_reactions: mine }, { page = false } = {}) {
    if (mine || page) this.#chosen.set(id, new Set((mine ?? []).map(emojiKey)));
    else if (reactions.every((r) => r.by)) {
      const own = reactions.filter((r) => r.by.includes(this.#user));
      this.#chosen.set(id, new Set(own.map((r) => emojiKey(r.emoji))));
    }
  }

  /** Notes what the server has acknowledged. */
  choose(id, emoji, on) {
    const all = this.chosen(id);
    if (on) all.add(emojiKey(emoji));
    else all.delete(emojiKey(emoji));
    this.#chosen.set(id, all);
  }

  /** The keys of the emoji that the user has chosen for a message: a copy. */
  chosen(id) {
    return new Set(this.#chosen.get(id));
  }
}
