// What a user has written and the server has not acknowledged yet.

const triesMax = 8; // of one entry, where the server asks to try again later

/**
 * Outbox keeps messages and edits in the order in which they were written, until
 * they are acknowledged. One at a time is under way, so that the room gets them
 * in that order; whatever was under way when a connection ended is sent again
 * with the same `clientId`, which stores nothing twice.
 *
 * An entry is {clientId, content, replyTo?, messageId?, createdAt, status, error?},
 * where messageId makes it an edit and status is 'pending', 'failed' or 'sent'.
 * `notify(entry, message?)` is called whenever its status changes.
 */
export class Outbox {
  #entries = [];
  #underWay = null;
  #since = 0; // performance.now() when it went out
  #notify;

  constructor(notify) {
    this.#notify = notify;
  }

  add(entry) {
    Object.assign(entry, { clientId: newClientId(), createdAt: new Date(), status: 'pending', tries: 0 });
    this.#entries.push(entry);
    this.#notify(entry);
    return entry;
  }

  /** The next entry to send, now under way, or null while there is none or one is out. */
  take() {
    if (this.#underWay) return null;
    this.#underWay = this.#entries.find((e) => e.status === 'pending') ?? null;
    this.#since = performance.now();
    return this.#underWay;
  }

  /** Milliseconds for which an entry has been under way; 0 if none is. */
  get waiting() {
    return this.#underWay ? performance.now() - this.#since : 0;
  }

  /** The way is gone: what was on it will be taken again. */
  release() {
    this.#underWay = null;
  }

  /** Settles the entries that the message, in its present state, acknowledges. */
  acknowledge(message, mine) {
    for (const e of [...this.#entries]) {
      const done = e.messageId
        ? e.messageId === message.id && message.rev > e.rev
        : mine && e.clientId === message.client_id;
      if (done) this.done(e, message);
    }
  }

  /** Settles one entry, which became the message. */
  done(entry, message) {
    if (!this.#entries.includes(entry)) return;
    this.#remove(entry);
    entry.status = 'sent';
    this.#notify(entry, message);
  }

  /**
   * Takes the server's no. Returns after how many milliseconds to go on where it
   * meant "later" and the entry stays pending; 0 where it is final.
   */
  refuse(entry, { code, text, retryAfter = 1000 }) {
    if (this.#underWay === entry) this.release();
    const later = code === 'rate_limited' || code === 'unknown_outcome';
    if (later && ++entry.tries < triesMax) return retryAfter * entry.tries;
    entry.status = 'failed';
    entry.error = text;
    this.#notify(entry);
    return 0;
  }

  /** Makes a failed entry pending again, as the newest. */
  retry(clientId) {
    const entry = this.find(clientId);
    if (entry?.status !== 'failed') return;
    this.#remove(entry);
    Object.assign(entry, { status: 'pending', error: undefined, tries: 0 });
    this.#entries.push(entry);
    this.#notify(entry);
  }

  /** Forgets an entry. One that is under way may still arrive. */
  discard(clientId) {
    const entry = this.find(clientId);
    if (entry) this.#remove(entry);
  }

  find(clientId) {
    return this.#entries.find((e) => e.clientId === clientId);
  }

  /** The pending entry with the longest content, or undefined. */
  longest() {
    return this.#entries
      .filter((e) => e.status === 'pending')
      .reduce((a, b) => (!a || b.content.length > a.content.length ? b : a), undefined);
  }

  #remove(entry) {
    if (this.#underWay === entry) this.release();
    this.#entries = this.#entries.filter((e) => e !== entry);
  }
}

/** The frame that carries an entry over a WebSocket. */
export function toFrame({ clientId, content, replyTo, messageId }) {
  if (messageId) return { type: 'edit_message', message_id: messageId, content, client_id: clientId };
  const frame = { type: 'chat_message', content, client_id: clientId };
  if (replyTo) frame.reply_to = replyTo;
  return frame;
}

/** 128 random bits in hex. crypto.randomUUID is missing on a page without TLS. */
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
