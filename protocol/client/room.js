// One room of a user.

import { backoff, willPass } from './backoff.js';
import { Emitter } from './emitter.js';
import { Outbox } from './outbox.js';
import { Own } from './own.js';
import { Timeline } from './timeline.js';

const earlyMax = 1_000; // events that wait while what is missing is fetched; beyond, it is fetched once more
const pageSize = 50; // messages
const answerTime = 30_000; // ms for the server to answer what was sent: there is no silence
const longMin = 5_000; // characters: a shorter frame is not what a server has ended a connection over
const faultsMax = 8; // answers `internal`: perhaps this frame is what the server fails on
const markTime = 300; // ms between two marks of how far is read
const typingEvery = 3_000; // ms between two frames that say the same
const typingFades = 6_000; // ms after which somebody does not type any more
const typersMax = 50; // beyond, nobody can tell them apart

/**
 * Room follows one trip's room for one user, and loses, repeats and reorders nothing. See index.d.ts for what there is
 * to call. What begins with _ is for Caravan alone.
 */
export class Room extends Emitter {
  state = { phase: 'joining' };
  slowMode = 0;
  reads = new Map();
  presence = { online: null, users: null, partial: false };
  typers = new Map(); // user id → {email, timer}

  #caravan;
  #in; // surroundings
  #timeline;
  #own;
  #outbox;
  #at; // where we stand; undefined before the first history
  #last; // the id of the message that event `at` made or changed; undefined: not known
  #asked; // where we stood when a history was asked for
  #asking = false; // a history is asked for, and not answered
  #early = []; // live events that wait for a history; null: none is waited for
  #lost = false; // some did not fit
  #holes = 0; // histories in a row that did not help
  #againAt = 0; // when one was asked for last
  #tries = 0; // refusals in a row of what is under way
  #pausing; // timer: nothing is sent until it ends
  #answer; // timer: for so long an answer is waited for
  #marking; // timer: the mark goes out when it ends
  #watched; // what we want to be told besides events
  #typingAt = -Infinity;
  #loading; // Promise of the older page that is on its way

  constructor(caravan, id, { keep, store, user, surroundings }) {
    super();
    this.id = id;
    this.#caravan = caravan;
    this.#in = surroundings;
    this.#timeline = new Timeline(keep);
    this.#own = new Own(() => caravan.user);
    const key = user.then((u) => `caravan.outbox.${u}.${id}`);
    this.#outbox = new Outbox(store, key, (error) => this._emit('problem', { code: 'store', message: String(error) }));
    this.#outbox.load().then(() => {
      this.#outboxChanged();
    });
  }

  get messages() {
    return this.#timeline.messages;
  }

  get complete() {
    return this.#timeline.complete;
  }

  get outbox() {
    return this.#outbox.entries;
  }

  get role() {
    return this.#own.role;
  }

  get permissions() {
    return this.#own.permissions;
  }

  get readSeq() {
    return this.#own.readSeq;
  }

  get seq() {
    return this.#at ?? 0;
  }

  chosen(messageId) {
    return this.#own.chosen(messageId);
  }

  // --- What the user does -------------------------------------------------------

  send(content, { replyTo, mentions, mentionsAll, attachments, data } = {}) {
    this.typing(false);
    return this.#write({ type: 'chat_message', content, reply_to: replyTo, mentions, mentions_all: mentionsAll, attachments, data });
  }

  edit(id, content) {
    return this.#write({ type: 'edit_message', message_id: id, content });
  }

  remove(id) {
    return this.#write({ type: 'delete_message', message_id: id });
  }

  react(id, emoji, on) {
    return this.#write({ type: 'react', message_id: id, emoji, on });
  }

  pin(id, on) {
    return this.#write({ type: 'pin_message', message_id: id, on });
  }

  retry(clientId) {
    const promise = this.#outbox.retry(clientId);
    this.#outboxChanged();
    return promise;
  }

  discard(clientId) {
    this.#outbox.discard(clientId);
    this.#outboxChanged();
  }

  read(seq = this.seq) {
    if (this.#own.mark(seq)) this.#markLater();
  }

  typing(on) {
    const now = this.#in.now();
    if (!this.#live || (on ? now - this.#typingAt < typingEvery : this.#typingAt < 0)) return;
    this.#typingAt = on ? now : -Infinity;
    this.#send({ type: 'typing', is_typing: on });
  }

  watch({ presence = false, reads = false }) {
    this.#watched = { type: 'watch', presence, reads, client_id: 'watch' };
    if (this.#live) this.#send(this.#watched);
  }

  older() {
    return (this.#loading ??= this.#loadOlder().finally(() => (this.#loading = undefined)));
  }

  trim() {
    if (this.#timeline.trim()) this.#told([], true);
  }

  close() {
    if (this.state.phase === 'closed') return;
    this._ended('closed');
    this.#outbox.close();
    this.#in.clearTimeout(this.#marking);
    this.#caravan._forget(this);
  }

  // --- What Caravan says ----------------------------------------------------------

  /** Gives what names our position where a history is asked for. Undefined where none is wanted now. */
  _ask() {
    if (this.#asking || !this.#early) return undefined;
    this.#asking = true;
    this.#asked = this.#at;
    return { since: this.#at, since_id: this.#last };
  }

  /** The server does not tell of this room any more. */
  _left(code) {
    if (code === 4003) return this._ended('left', code);
    this._ended('waiting', code);
    this.#holes ||= 1;
    this.#again();
  }

  /** The connection, or the room on it, has ended. What comes on the next one comes again. */
  _ended(phase, code) {
    const out = this.#outbox.underWay;
    if (code === 1009 && out?.frame.content?.length > longMin) this.#outbox.fail(out, 'too_long'); // never again
    this.#asking = false;
    this.#early = [];
    this.#lost = false;
    this.#release();
    this.#in.clearTimeout(this.#pausing);
    this.#pausing = undefined;
    this.#typingAt = -Infinity;
    for (const { timer } of this.typers.values()) this.#in.clearTimeout(timer);
    this.typers.clear();
    this.presence = { online: null, users: null, partial: false };
    if (phase === 'left') {
      for (const entry of this.#outbox.entries) if (entry.status === 'pending') this.#outbox.fail(entry, 'forbidden');
    }
    this.#become(phase, code);
  }

  /** Whether an answer is for a frame of ours. */
  _sent({ client_id: clientId }) {
    return this.#outbox.find(clientId) !== undefined;
  }

  _take(f) {
    switch (f.type) {
      case 'message_history':
        return this.#takeHistory(f);
      case 'ack':
        return this.#done(f.client_id);
      case 'error':
        return this.#takeError(f);
      case 'own':
        return this.#takeOwn(f);
      case 'room':
        return this.#takeRoom(f);
      case 'reads':
        for (const { user_id: user, seq } of f.reads) this.reads.set(user, Math.max(seq, this.reads.get(user) ?? 0));
        return this._emit('reads', this.reads);
      case 'presence':
        return this.#takePresence(f);
      case 'typing':
        return this.#takeTyping(f.user_id, f.user_email, f.is_typing);
    }
    if (f.duplicate) this.#merge([f.message]); // outside the room's order
    else if (f.seq !== undefined) this.#early ? this.#hold(f) : this.#takeEvent(f);
  }

  // --- Events of the room -----------------------------------------------------------

  #takeHistory(h) {
    this.#asking = false;
    if (h.since < this.#asked || h.seq < this.#at) return this.#beginAnew();
    const reset = h.since === undefined;
    const news = reset ? this.#timeline.open(h.messages) : this.#timeline.apply(h.messages);
    this.#stand(h.seq, h.messages.find((m) => m.rev === h.seq)?.id);
    this.slowMode = h.slow_mode ?? 0;
    const cut = this.#timeline.cut(h.first_seq ?? 1);
    this.#settle(h.messages, news, reset || cut);
    if (h.has_more) return this.#again();
    const early = this.#early ?? [];
    this.#early = null;
    this.#become('live');
    for (const f of early) this._take(f);
    if (this.#lost && !this.#early) {
      this.#lost = false;
      this.#again();
    }
    this.#sendNext();
  }

  /** The database went back: what we have may not be in it. */
  #beginAnew() {
    this.#at = this.#last = undefined;
    this.#early = [];
    this.#own.forget();
    this.reads.clear();
    this.#timeline.open([]);
    this.#told([], true);
    this.#again();
  }

  /** Asks for what is missing, later where that has not helped before. */
  #again() {
    this.#early ??= [];
    const now = this.#in.now();
    if (now - this.#againAt > 60_000) this.#holes = 0;
    this.#againAt = now;
    this.#caravan._ask(this, this.#holes ? backoff(this.#in.random, this.#holes, 500, 30_000) : 0);
    this.#holes++;
  }

  #hold(f) {
    if (this.#at === undefined) return; // the first history is without a past
    if (this.#early.length < earlyMax) this.#early.push(f);
    else this.#lost = true;
  }

  #takeEvent(f) {
    if ((f.prev ?? f.seq - 1) > this.#at) {
      this.#again();
      return this.#hold(f);
    }
    if (f.seq > this.#at) this.#stand(f.seq, f.message?.id ?? f.message_id);
    if (f.type === 'chat_message') this.#takeTyping(f.message.sender.id);
    const message = f.message ?? (f.set && this.#timeline.patched(f));
    if (message) this.#merge([message]);
  }

  #stand(seq, last) {
    if (seq > this.#at) this.#holes = 0;
    if (seq !== this.#at || last) this.#last = last;
    this.#at = seq;
  }

  #merge(messages, page) {
    this.#settle(messages, this.#timeline.apply(messages), false, page);
    this.#sendNext();
  }

  /** Learns from what was told, settles what it acknowledges, and tells what is news. */
  #settle(messages, news, reset, page) {
    for (const m of messages) if (this.#timeline.get(m.id)?.rev === m.rev) this.#own.learn(m, page);
    this.#own.keepTo(this.#timeline);
    this.#told(news, reset);
    for (const m of messages) this.#done(m.client_id, m);
  }

  #told(changed, reset) {
    if (reset || changed.length) this._emit('messages', { changed, reset });
  }

  // --- Beside the room's order --------------------------------------------------------

  #takeOwn(f) {
    const behind = this.#own.take(f);
    if (f.v !== undefined) {
      if (behind) this.#markLater();
      if (this.#watched) this.#send(this.#watched);
    }
    this._emit('own');
  }

  #takeRoom({ first_seq: first = 1, slow_mode: slow = 0 }) {
    this.slowMode = slow;
    this.#told([], this.#timeline.cut(first));
    this._emit('room');
  }

  #takePresence({ online, full, users, joined = [], left = [], partial = false }) {
    let here = full ? new Set(users) : this.presence.users && new Set([...this.presence.users, ...joined]);
    for (const id of left) here?.delete(id);
    if (!full && !joined.length && !left.length) here = null; // a number alone
    this.presence = { online, users: here, partial };
    this._emit('presence', this.presence);
  }

  #takeTyping(user, email, on) {
    const known = this.typers.get(user);
    if (!known && (!on || this.typers.size >= typersMax)) return;
    this.#in.clearTimeout(known?.timer);
    if (on) this.typers.set(user, { email, timer: this.#in.setTimeout(() => this.#takeTyping(user), typingFades) });
    else this.typers.delete(user);
    this._emit('typing', this.typers);
  }

  // --- Sending --------------------------------------------------------------------------

  #send(frame) {
    this.#caravan._send(this, frame);
  }

  #write(frame) {
    const promise = this.#outbox.add(JSON.parse(JSON.stringify(frame))); // as it is now
    this.#outboxChanged();
    return promise;
  }

  #outboxChanged() {
    this._emit('outbox');
    this.#sendNext();
  }

  #sendNext() {
    if (!this.#live || this.#pausing) return;
    const entry = this.#outbox.take();
    if (!entry) return;
    this.#send({ ...entry.frame, client_id: entry.clientId });
    this.#answer = this.#in.setTimeout(() => this.#caravan._restart(), answerTime);
  }

  /** Nothing is under way any more. */
  #release() {
    this.#in.clearTimeout(this.#answer);
    this.#outbox.underWay = undefined;
  }

  /** A frame of ours is stored. A new message comes back itself. Nobody else guesses 128 random bits. */
  #done(clientId, message) {
    const entry = clientId && this.#outbox.find(clientId);
    if (!entry || (entry.frame.type === 'chat_message') !== Boolean(message)) return;
    const { type, message_id: id, emoji, on } = entry.frame;
    if (type === 'react') this.#own.choose(id, emoji, on);
    if (this.#outbox.underWay === entry) this.#release();
    this.#tries = 0;
    this.#outbox.done(entry, message);
    this.#outboxChanged();
  }

  #takeError(f) {
    const entry = this.#outbox.find(f.client_id);
    const { code, message: text, retry_after: after = 0 } = f;
    if (!entry) {
      if (f.client_id === 'watch') this.#in.setTimeout(() => this.#live && this.#send(this.#watched), 5_000);
      else if (willPass(code)) this.#markLater(5_000); // it may have been a mark
      return this._emit('problem', { code, message: text });
    }
    if (this.#outbox.underWay === entry) this.#release();
    if (code === 'not_subscribed') return this._left(1012);
    this.#tries++;
    if (willPass(code) || (code === 'internal' && this.#tries < faultsMax)) {
      return this.#pause(Math.max(after * 1_000, backoff(() => (1 + this.#in.random()) / 2, this.#tries, 500, 30_000)));
    }
    this.#tries = 0;
    this.#outbox.fail(entry, code, text);
    this.#outboxChanged();
  }

  #pause(ms) {
    this.#in.clearTimeout(this.#pausing);
    this.#pausing = this.#in.setTimeout(() => {
      this.#pausing = undefined;
      this.#sendNext();
    }, ms);
  }

  /** Says how far is read, a little later: the user may scroll on. */
  #markLater(ms = markTime) {
    this.#marking ??= this.#in.setTimeout(() => {
      this.#marking = undefined;
      if (this.#live && this.readSeq) this.#send({ type: 'mark_read', seq: this.readSeq });
    }, ms);
  }

  // --- Older messages ---------------------------------------------------------------------

  async #loadOlder() {
    const timeline = this.#timeline;
    while (this.#at !== undefined && !timeline.complete && !timeline.full) {
      const { floor } = timeline;
      const passed = (timeline.passed = new Map());
      try {
        const path = `rooms/${this.id}/messages/?limit=${pageSize}&before=${floor}`;
        const { results, first_seq: first = 1 } = await this.#caravan.rest('GET', path);
        if (timeline.passed !== passed || timeline.floor !== floor) continue; // there is another past now
        if (results.some((m) => passed.get(m.id) > m.rev)) continue; // it shows a message as it was
        this.#settle(results, timeline.prepend(results), false, true);
        this.#told([], timeline.cut(first));
        return results;
      } finally {
        if (timeline.passed === passed) timeline.passed = null;
      }
    }
    return [];
  }

  get #live() {
    return this.state.phase === 'live';
  }

  #become(phase, code) {
    if (phase === this.state.phase && code === this.state.code) return;
    this.state = code === undefined ? { phase } : { phase, code };
    this._emit('state', this.state);
  }
}
