// Who is here: in small rooms by name, in large ones as a number. No I/O, no DOM.

/** Presence is what the server said last of who is in a room. */
export class Presence {
  /** How many are here; null: not told. */
  online = null;
  /** The ids of who is here; null: they are too many to be named, or not told. */
  users = null;
  /** Other servers cannot be heard, so that more may be here. */
  partial = false;

  /** Takes a frame `presence`: all, or what has changed. */
  take({ online, full, users, joined = [], left = [], partial = false }) {
    this.online = online;
    this.partial = partial;
    if (full) {
      this.users = new Set(users);
    } else if (this.users && joined.length + left.length > 0) {
      for (const id of joined) this.users.add(id);
      for (const id of left) this.users.delete(id);
    }
    if (this.users?.size !== online) this.users = null; // a number alone
  }

  /** Nothing is known any more. */
  clear() {
    Object.assign(this, { online: null, users: null, partial: false });
  }
}
