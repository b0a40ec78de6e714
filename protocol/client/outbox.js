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
    if (this.entries.length >= entriesMax) return handled(Promise.reject(new CaravanError('outbox_full', 'Too much waits to be sent')));
    return this.#put({ clientId: newId(), frame, was, createdAt: new Date().toISOString(), status: 'pending' });
  }

  /** The next entry to send, now under way. Undefined while there is none, or one is out. */
  take() {
    if (this.underWay || !this.#loaded) return undefined;
    return (this.underWay = this.entries.find((e) => e.status === 'pending'));
  }

  find(clientId) {
    return this.entries.find((e) => e.clientId === clientId);
  }

  /** The entry is stored, and became the value. */
  done(entry, value) {
    this.discard(entry.clientId);
    this.#settle(entry, 'resolve', value);
  }

  /** The entry is refused for good. It stays until it is sent again or discarded. */
  fail(entry, code, text) {
    if (this.underWay === entry) this.underWay = undefined;
    Object.assign(entry, { status: 'failed', code, error: text ?? code });
    this.entries = [...this.entries];
    this.#save(entry);
    this.#settle(entry, 'reject', new CaravanError(code, text, { clientId: entry.clientId }));
  }

  /** Makes a failed entry pending again, as the newest. */
  retry(clientId) {
    const entry = this.find(clientId);
    if (entry?.status !== 'failed') return handled(Promise.reject(new CaravanError('not_found')));
    this.discard(clientId);
    return this.#put({ ...entry, status: 'pending', was: undefined, code: undefined, error: undefined });
  }

  /** Forgets an entry. One that is under way may still arrive. */
  discard(clientId) {
    const entry = this.find(clientId);
    if (!entry) return;
    if (this.underWay === entry) this.underWay = undefined;
    this.entries = this.entries.filter((e) => e !== entry);
    this.#step((stored) => stored.filter((e) => e.clientId !== clientId));
  }

  /** Nobody will answer here any more. What is stored stays for the next time. */
  close() {
    for (const { clientId } of this.entries) this.#settle({ clientId }, 'reject', new CaravanError('closed', 'The chat is closed', { clientId }));
  }

  #put(entry) {
    const { clientId } = entry;
    this.entries = [...this.entries, entry];
    this.#save(entry);
    const promise = new Promise((resolve, reject) => this.#waiting.set(clientId, { resolve, reject }));
    return Object.assign(handled(promise), { clientId });
  }

  #save(entry) {
    const text = JSON.stringify(entry); // as it is now
    this.#step((stored) => [...stored.filter((e) => e.clientId !== entry.clientId), JSON.parse(text)]);
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

/** 128 random bits in hex. crypto.randomUUID is missing on a page without TLS. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
