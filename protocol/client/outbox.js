// What a user has written and the server has not acknowledged.

const entriesMax = 500; // in one room; what is written beyond is refused

/** CaravanError says why something was not done: `code` is for programs, `message` for people. */
export class CaravanError extends Error {
  constructor(code, message, more) {
    super(message ?? code);
    Object.assign(this, { name: 'CaravanError', code }, more);
  }
}

/**
 * Outbox keeps frames in the order in which they were written, until they are acknowledged. One at a time is under way,
 * so that the room gets them in that order. What was under way when a connection ended is sent again with the same
 * `client_id`, which stores nothing twice. With a store the frames survive a reload.
 */
export class Outbox {
  /** {clientId, frame, was?, createdAt, status: 'pending' | 'failed', code?, error?}: entries, the first written in front. Another array after each change. */
  entries = [];
  /** The entry that waits for its answer. */
  underWay;
  /** The code by which all that is written from now on is refused. */
  over;

  #store;
  #key; // Promise of the store's key
  #failed; // is told that the store has failed
  #loaded;
  #work = Promise.resolve(); // on the store: one step after the other
  #waiting = new Map(); // clientId → {resolve, reject}

  constructor(store, key, failed) {
    this.#store = store;
    this.#key = key;
    this.#failed = failed;
    this.#loaded = !store;
  }

  /** Takes what the store has from before. Nothing is sent until that is done. */
  async load() {
    if (this.#loaded) return;
    await this.#step((stored) => {
      this.entries = [...stored.filter((e) => !this.find(e.clientId)), ...this.entries];
      return undefined;
    });
    this.#loaded = true;
  }

  /**
   * Adds a frame; `was` is when the message that it edits was last changed, as the user knows it. Returns a promise of its
   * answer; who does not look at it hears of a refusal by the entry.
   */
  add(frame, was) {
    const code = this.over ?? (this.entries.length >= entriesMax && 'outbox_full');
    if (code) return refused(code);
    return this.#put({ clientId: newId(), frame, was, createdAt: new Date().toISOString() });
  }

  /** The next entry to send, now under way. Undefined while there is none, or one is out. */
  take() {
    if (this.underWay || !this.#loaded) return undefined;
    return (this.underWay = this.entries.find((e) => e.status === 'pending'));
  }

  find(clientId) {
    return this.entries.find((e) => e.clientId === clientId);
  }

  /** The next edit of a message that is to be sent. */
  editOf(id) {
    return this.entries.find(({ status, frame }) => status === 'pending' && frame.type === 'edit_message' && frame.message_id === id);
  }

  /** The entry is stored, and became the value. */
  done(entry, value) {
    this.#drop(entry);
    this.#settle(entry, 'resolve', value);
  }

  /** The entry is refused for good. It stays until it is sent again or discarded. */
  fail(entry, code, text) {
    if (this.underWay === entry) this.underWay = undefined;
    Object.assign(entry, { status: 'failed', code, error: text ?? code });
    this.entries = [...this.entries];
    this.#save(entry);
    this.#passOn(entry);
    this.#settle(entry, 'reject', new CaravanError(code, text, { clientId: entry.clientId }));
  }

  /** Makes a failed entry pending again, as the newest. */
  retry(clientId) {
    const entry = this.find(clientId);
    const code = this.over ?? (entry?.status !== 'failed' && 'not_found');
    if (code) return refused(code);
    this.#drop(entry);
    const { frame, createdAt } = entry;
    return this.#put({ clientId, frame, createdAt });
  }

  /** Forgets an entry. One that is under way may still arrive. */
  discard(clientId) {
    const entry = this.find(clientId);
    if (!entry) return;
    this.#drop(entry);
    this.#passOn(entry);
  }

  /**
   * Another page may have sent or discarded what came from the store: then it is dropped here, too. Returns a promise of whether
   * the entry is not to be sent; false where it was written here.
   */
  gone(entry) {
    const isIt = (e) => e.clientId === entry.clientId;
    return !this.#waiting.has(entry.clientId) && this.#step((stored) => void (stored.some(isIt) || this.#drop(entry))).then(() => this.underWay !== entry);
  }

  /** Nobody will answer here any more. What is stored stays for the next time. */
  close() {
    this.over ??= 'closed';
    for (const [clientId, { reject }] of this.#waiting) reject(new CaravanError('closed', 'The chat is closed', { clientId }));
  }

  #drop(entry) {
    if (this.underWay === entry) this.underWay = undefined;
    this.entries = this.entries.filter((e) => e !== entry);
    this.#save(entry, []);
  }

  /** The next edit of the same message was written without a guard of its own, behind this one's. */
  #passOn({ was, frame }) {
    const next = was && this.editOf(frame.message_id);
    if (!next) return;
    next.was ??= was;
    this.#save(next);
  }

  #put(entry) {
    const { clientId } = entry;
    entry.status = 'pending';
    this.entries = [...this.entries, entry];
    this.#save(entry);
    const promise = new Promise((resolve, reject) => this.#waiting.set(clientId, { resolve, reject }));
    return Object.assign(handled(promise), { clientId });
  }

  /** Puts an entry into the store, as it is now, or takes it out. */
  #save(entry, now = [{ ...entry }]) {
    this.#step((stored) => [...stored.filter((e) => e.clientId !== entry.clientId), ...now]);
  }

  /** Pages that share a store each change their own entries in it. */
  #step(change) {
    if (!this.#store) return undefined;
    return (this.#work = this.#work.then(async () => {
      try {
        const key = await this.#key;
        let text = this.#store.get(key);
        if (text?.then) text = await text; // nothing comes between where the store answers at once
        const changed = change(JSON.parse(text ?? '[]'));
        if (changed) await this.#store.set(key, JSON.stringify(changed));
      } catch (error) {
        this.#failed(error);
      }
    }));
  }

  #settle({ clientId }, how, value) {
    this.#waiting.get(clientId)?.[how](value);
    this.#waiting.delete(clientId);
  }
}

/** A refusal that nobody looks at is no fault of the program. */
function handled(promise) {
  promise.catch(() => {});
  return promise;
}

const refused = (code) => handled(Promise.reject(new CaravanError(code)));

/** 128 random bits. crypto.randomUUID is missing on a page without TLS. */
const newId = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
