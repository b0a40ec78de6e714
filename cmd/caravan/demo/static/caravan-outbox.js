// What a user has written and the server has not acknowledged yet.

import { backoff } from './caravan-pause.js';

// Refusals that say nothing against the entry: it goes out again until it is through.
const passing = new Set(['unavailable', 'rate_limited', 'unknown_outcome', 'timeout']);
const faultsMax = 8; // answers `internal`: perhaps this entry is what the server fails on
const again = { min: 1_000, max: 30_000 }; // ms before the next try, and the longest

/**
 * Outbox keeps messages and edits in the order in which they were written, until
 * they are acknowledged. One at a time is under way, so that the room gets them
 * in that order; whatever was under way when a connection ended is sent again
 * with the same `clientId`, which stores nothing twice.
 *
 * An entry is {clientId, content, replyTo?, mentions?, attachments?, messageId?, createdAt, status, tries, error?},
 * where messageId makes it an edit, or, with op, another change of that message:
 * {op: 'delete'}, {op: 'pin', on} or {op: 'react', emoji, on}. Its status is 'pending', 'failed' or 'sent', and
 * tries counts the refusals. `notify(entry, message?)` is called whenever one of
 * these changes.
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
    if (entry.op) this.#supersede(entry);
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

  /**
   * Settles the entries that the message, in its present state, acknowledges. A greater `rev` alone says
   * nothing of an edit: somebody may have reacted.
   */
  acknowledge(message, mine) {
    for (const e of [...this.#entries]) {
      if (e.op) continue; // the server says so itself
      const done = e.messageId
        ? e.messageId === message.id && message.rev > e.rev && (message.caption ?? message.content) === e.content
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
   * Takes the server's no. Returns after how many milliseconds to go on where the
   * entry stays pending, because the reason will pass; 0 where the no is final.
   */
  refuse(entry, { code, text, retryAfter = 0 }) {
    if (this.#underWay === entry) this.release();
    entry.tries++;
    const later = passing.has(code) || (code === 'internal' && entry.tries < faultsMax);
    if (!later) {
      entry.status = 'failed';
      entry.error = text;
    }
    this.#notify(entry);
    return later ? Math.max(retryAfter, backoff(entry.tries, again)) : 0;
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
      .filter((e) => e.status === 'pending' && !e.op)
      .reduce((a, b) => (!a || b.content.length > a.content.length ? b : a), undefined);
  }

  /** The intentions that are not stored yet for a message, oldest first. */
  intentions(messageId) {
    return this.#entries.filter((e) => e.op && e.messageId === messageId && e.status === 'pending');
  }

  /** Of one thing only the last intention counts: what was not sent yet is forgotten. */
  #supersede({ op, messageId, emoji }) {
    const same = (e) => e.op === op && e.messageId === messageId && e.emoji === emoji && e !== this.#underWay;
    this.#entries = this.#entries.filter((e) => !same(e));
  }

  #remove(entry) {
    if (this.#underWay === entry) this.release();
    this.#entries = this.#entries.filter((e) => e !== entry);
  }
}

/** The frame that carries an entry over a WebSocket. */
export function toFrame({ clientId, content, replyTo, mentions, mentionsAll, attachments, messageId, op, emoji, on }) {
  const of = { message_id: messageId, client_id: clientId };
  if (op === 'delete') return { type: 'delete_message', ...of };
  if (op === 'pin') return { type: 'pin_message', on, ...of };
  if (op === 'react') return { type: 'react', emoji, on, ...of };
  if (messageId) return { type: 'edit_message', message_id: messageId, content, client_id: clientId };
  const frame = { type: 'chat_message', content, client_id: clientId };
  if (replyTo) frame.reply_to = replyTo;
  if (mentions?.length) frame.mentions = mentions;
  if (mentionsAll) frame.mentions_all = true;
  if (attachments?.length) frame.attachments = attachments.map((a) => a.id);
  return frame;
}

/** 128 random bits in hex. crypto.randomUUID is missing on a page without TLS. */
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
