// The messages of a room as a client holds them.

const pagesMax = 10; // times `keep`: so many messages may be held in all

/**
 * Timeline holds messages by id, where the greater `rev` wins, so that histories, pages and live events may overlap in
 * any order. It is one stretch without holes, from `floor` to the newest message. What lies before the floor is not held,
 * and changes to it are passed over.
 */
export class Timeline {
  /** The `seq` of the oldest message that is held; 0: there is none before it. */
  floor = 0;
  /** While a page is on its way: id → rev of what was passed over. */
  passed = null;

  #byId = new Map();
  #first = 1; // the number that the room begins with
  #more = 0; // messages that were loaded beyond what is kept
  #sorted = [];

  /** @param keep so many messages are held, the newest, beside those that were loaded */
  constructor(keep) {
    this.keep = keep;
  }

  /** All messages, in the order of the room. The array is another one after a change. */
  get messages() {
    return (this.#sorted ??= [...this.#byId.values()].sort((a, b) => a.seq - b.seq));
  }

  /** Whether the room's first message is held. */
  get complete() {
    return this.floor <= this.#first;
  }

  /** Whether no more can be held: nothing older is loaded until `trim`. */
  get full() {
    return this.#byId.size >= this.keep * pagesMax;
  }

  get(id) {
    return this.#byId.get(id);
  }

  /** Begins anew with the newest page of the room. */
  open(messages) {
    this.#byId.clear();
    this.#sorted = null;
    this.#more = 0;
    this.floor = messages[0]?.seq ?? 0;
    this.passed = null;
    return this.apply(messages);
  }

  /** Takes the page before the floor. */
  prepend(messages) {
    this.floor = messages[0]?.seq ?? 0;
    this.#more += messages.length;
    return this.apply(messages);
  }

  /** Takes messages that were made or changed. Returns those that tell something new. */
  apply(messages) {
    const gone = [];
    const news = messages.filter((m) => {
      const known = this.#byId.get(m.id);
      if (m.rev <= known?.rev) return false;
      if (m.deleted_at) gone.push(m); // also where it is not held itself: its quotes may be
      if (known || m.seq >= this.floor) return this.#byId.set(m.id, m);
      return void this.passed?.set(m.id, Math.max(m.rev, this.passed.get(m.id) ?? 0));
    });
    for (const m of gone) news.push(...this.#blank(m));
    if (news.length) this.#sorted = null;
    if (this.#byId.size > this.keep + this.#more) this.#drop(this.messages.at(-this.keep - this.#more).seq);
    return news;
  }

  /** What a patch makes of a message. Of one that is not held it is what the patch says, before all that is held. */
  patched({ message_id: id, set, rev }) {
    const patched = { id, seq: -1, ...this.#byId.get(id), ...set, rev };
    delete patched.my_reactions; // of the state before
    for (const name in set) if (set[name] === null) delete patched[name];
    return patched;
  }

  /** The room begins with this number. Returns whether that took something away. */
  cut(first) {
    this.#first = first;
    return first > this.floor && this.#drop(first);
  }

  /** Forgets what was loaded beyond what is kept. */
  trim() {
    this.#more = 0;
    return this.#byId.size > this.keep && this.#drop(this.messages.at(-this.keep).seq);
  }

  /** Lets go of what stands before a number. */
  #drop(floor) {
    const before = this.#byId.size;
    for (const m of this.#byId.values()) if (m.seq < floor) this.#byId.delete(m.id);
    this.floor = Math.max(this.floor, floor);
    this.#sorted = null;
    return this.#byId.size < before;
  }

  /** Nobody tells again what quotes a deleted message. Returns what has changed by that. */
  #blank({ id, content }) {
    const blank = [];
    for (const m of this.#byId.values()) {
      if (m.reply_to?.id !== id || m.reply_to.content === content) continue;
      const changed = { ...m, reply_to: { ...m.reply_to, content } };
      this.#byId.set(m.id, changed);
      blank.push(changed);
    }
    return blank;
  }
}
