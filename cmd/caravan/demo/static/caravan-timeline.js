// The messages of a room as a client holds them. No I/O, no DOM.

/**
 * Timeline keeps messages by id, where the greater `rev` wins, so that pages,
 * resumed stretches and live events may overlap in any order. It is one stretch
 * without holes, from `floor` to the newest message; what lies before the floor
 * has not been loaded, and changes to it are ignored until it is.
 */
export class Timeline {
  #byId = new Map();
  #floor = 0;

  #first = 1;

  /** The `seq` of the oldest message loaded; 0 in an empty room. */
  get floor() {
    return this.#floor;
  }

  /** Whether the room's first message is loaded. */
  get complete() {
    return this.#floor <= this.#first;
  }

  get(id) {
    return this.#byId.get(id);
  }

  /** The newest message that `accept` is true for, or undefined. */
  newest(accept) {
    let found;
    for (const m of this.#byId.values()) {
      if (accept(m) && (!found || m.seq > found.seq)) found = m;
    }
    return found;
  }

  /** Begins anew with the newest page of the room; returns its messages. */
  open(messages) {
    this.#byId.clear();
    this.#floor = messages.length ? messages[0].seq : 0;
    return this.apply(messages);
  }

  /** Takes the page before the floor; returns what is new. */
  prepend(messages) {
    this.#floor = messages.length ? messages[0].seq : 1;
    return this.apply(messages);
  }

  /** The room begins with this number. Returns what is left where that takes something away, or undefined. */
  cut(first) {
    this.#first = first;
    const gone = [...this.#byId.values()].filter((m) => m.seq < first);
    if (!gone.length) return undefined;
    for (const m of gone) this.#byId.delete(m.id);
    this.#floor = Math.max(this.#floor, first);
    return [...this.#byId.values()].sort((a, b) => a.seq - b.seq);
  }

  /** Takes messages that were made or changed; returns those that tell something new. */
  apply(messages) {
    const news = messages.filter((m) => {
      const known = this.#byId.get(m.id);
      return known ? m.rev > known.rev : m.seq >= this.#floor;
    });
    for (const m of news) this.#byId.set(m.id, m);
    return news.concat(news.filter((m) => m.deleted_at).flatMap((m) => this.#blankQuotes(m)));
  }

  /** What a patch makes of a message; undefined where that is not loaded. */
  patched(id, set, rev) {
    const known = this.#byId.get(id);
    if (!known) return undefined;
    const patched = { ...known, ...set, rev };
    delete patched.my_reactions; // of the state before
    for (const [name, value] of Object.entries(set)) if (value === null) delete patched[name];
    return patched;
  }

  /** Nobody tells again what quotes a deleted message. Returns what has changed by that. */
  #blankQuotes({ id, content }) {
    const quoting = [...this.#byId.values()].filter((m) => m.reply_to?.id === id && m.reply_to.content !== content);
    const blank = quoting.map((m) => ({ ...m, reply_to: { ...m.reply_to, content } }));
    for (const m of blank) this.#byId.set(m.id, m);
    return blank;
  }
}
