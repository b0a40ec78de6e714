// One room of a user.

import { backoff, willPass } from './backoff.js';
import { Emitter } from './emitter.js';
import { CaravanError, Outbox } from './outbox.js';
import { Timeline } from './timeline.js';

const earlyMax = 1_000; // events that wait while what is missing is fetched; beyond, it is fetched once more
const pageSize = 50; // messages
const lightKeep = 50; // messages that are held of a room that is only listed
const answerTime = 30_000; // ms for the server to answer what was sent: there is no silence
const longMin = 5_000; // characters: a shorter frame is not what a server has ended a connection over
const pauseMin = 250; // ms before a frame is sent again
const faultsMax = 8; // answers `internal`: perhaps this frame is what the server fails on
const markTime = 300; // ms between two marks of how far is read
const askAgain = 5_000; // ms until what was refused without its name is sent again
const typingEvery = 3_000; // ms between two frames that say the same

/**
 * Room follows one trip's room for one user, and loses, repeats and reorders nothing. See index.d.ts for what there is
 * to call. What begins with _ is for the other modules alone.
 */
export class Room extends Emitter {
  state = { phase: 'joining' };
  slowMode = 0;
  role = '';
  permissions = null;
  readSeq = 0;

  #caravan;
  #timeline;
  #outbox;
  #keep;
  _light; // only its last message is asked for
  #short = false; // it was so, and is looked at now
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

  constructor(caravan, id, { keep, store, user, light }) {
    super();
    this.id = id;
    this._ids = new Set([id]);
    this.#caravan = caravan;
    this.#keep = keep;
    this._light = light;
    this.#timeline = new Timeline(light ? lightKeep : keep);
    const key = user.then((u) => `caravan.outbox.${u}.${id}`);
    this.#outbox = new Outbox(store, key, (error) => this._emit('problem', { code: 'store', message: String(error) }));
    this.#outbox.load().then(() => this.#outboxChanged());
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

  get seq() {
    return this.#at ?? 0;
  }

  // --- What the user does -------------------------------------------------------

  send(content, { replyTo, mentions, mentionsAll, attachments, data } = {}) {
    this.typing(false);
    return this.#write({ type: 'chat_message', content, reply_to: replyTo, mentions, mentions_all: mentionsAll, attachments, data });
  }

  edit(id, content) {
    const was = this.#outbox.editOf(id) ? undefined : this.#timeline.get(id)?.updated_at;
    return this.#write({ type: 'edit_message', message_id: id, content }, was);
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
    if (seq <= this.readSeq) return;
    this.readSeq = seq;
    this.#markLater();
    this._emit('own', {});
  }

  typing(on) {
    const now = Date.now();
    if (!this.#live || (on ? Math.abs(now - this.#typingAt) < typingEvery : this.#typingAt < 0)) return;
    this.#typingAt = on ? now : -Infinity;
    this.#send({ type: 'typing', is_typing: on });
  }

  watch({ presence, reads }) {
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
    if (this.#marking) this.#mark();
    this._ended('closed');
    this.#outbox.close();
    this.#caravan._forget(this);
  }

  // --- What Caravan says ----------------------------------------------------------

  /** A room that was only listed is looked at. */
  _open() {
    if (this._light) {
      this._light = false;
      this.#timeline.keep = this.#keep;
      this.#short = true;
      this.#fill();
    }
    return this;
  }

  /** Gives what names our position where a history is asked for. Undefined where none is wanted now. */
  _ask() {
    if (this.#asking || !this.#early) return undefined;
    this.#asking = true;
    this.#asked = this.#at;
    return { since: this.#at, since_id: this.#last, limit: this._light && this.#at === undefined ? 1 : undefined };
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
    if (this.state.phase === 'left') return;
    const out = this.#outbox.underWay;
    if (code === 1009 && out?.frame.content?.length > longMin) this.#outbox.fail(out, 'too_long'); // never again
    this.#asking = this.#lost = false;
    this.#early = [];
    this.#release();
    clearTimeout(this.#pausing);
    this.#pausing = undefined;
    this.#typingAt = -Infinity;
    if (phase === 'left') {
      this.#early = null; // no history is wanted
      this.#outbox.over = 'forbidden';
      for (const entry of this.outbox) if (entry.status === 'pending') this.#outbox.fail(entry, 'forbidden');
    }
    this.#become(phase, code);
    this.#outboxChanged(); // something of it may have failed
  }

  /** The entry that an answer is for, where it is one of ours. */
  _sent(clientId) {
    return this.#outbox.find(clientId);
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
      case 'left':
        return this._left(f.code);
      case 'room':
        this.slowMode = f.slow_mode ?? 0;
        this.#told([], this.#timeline.cut(f.first_seq ?? 1));
    }
    if (f.duplicate) this.#merge([f.message]); // outside the room's order
    else if (f.seq === undefined) this._emit(f.type, f);
    else this.#early ? this.#hold(f) : this.#takeEvent(f);
  }

  // --- Events of the room -----------------------------------------------------------

  #takeHistory(h) {
    this.#asking = false;
    this._ids.add(h.chat_room_id).add(h.trip_id);
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
    this.#fill();
  }

  /** The database went back: what we have may not be in it. */
  #beginAnew() {
    this.#at = this.#last = undefined;
    this.#early = [];
    this.readSeq = 0;
    this.#timeline.open([]);
    this.#told([], true);
    this.#again();
  }

  /** Asks for what is missing, later where that has not helped before. */
  #again() {
    this.#early ??= [];
    const now = Date.now();
    if (now - this.#againAt > 60_000) this.#holes = 0;
    this.#againAt = now;
    this.#caravan._ask(this, this.#holes && backoff(this.#holes));
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
    const message = f.message ?? (f.set && this.#timeline.patched(f));
    if (message) this.#merge([message]);
  }

  #stand(seq, last) {
    if (seq > this.#at) this.#holes = 0;
    if (seq !== this.#at || last) this.#last = last;
    this.#at = seq;
  }

  #merge(messages) {
    this.#settle(messages, this.#timeline.apply(messages), false);
    this.#sendNext();
  }

  /** Tells what is news, and settles what it acknowledges. */
  #settle(messages, news, reset, page) {
    this.#told(news, reset, page);
    for (const m of messages) this.#done(m.client_id, m);
  }

  #told(changed, reset, page) {
    if (reset || changed.length) this._emit('messages', { changed, reset, page });
  }

  #takeOwn(f) {
    const seq = f.read_seq ?? this.readSeq;
    this.role = f.role ?? this.role;
    this.permissions = f.permissions ?? this.permissions;
    if (f.v) {
      if (seq < this.readSeq) this.#markLater();
      if (this.#watched) this.#send(this.#watched);
    }
    this.readSeq = Math.max(seq, this.readSeq);
    this._emit('own', f);
  }

  // --- Sending --------------------------------------------------------------------------

  #send(frame) {
    this.#caravan._send(this, frame);
  }

  #write(frame, was) {
    const promise = this.#outbox.add(JSON.parse(JSON.stringify(frame)), was); // as it is now
    this.#outboxChanged();
    return promise;
  }

  #outboxChanged() {
    this._emit('outbox');
    this.#sendNext();
  }

  async #sendNext() {
    if (!this.#live || this.#pausing) return;
    const entry = this.#outbox.take();
    if (!entry) return;
    const gone = this.#outbox.gone(entry);
    if (gone && (await gone)) return this.#outboxChanged();
    if (entry.was && (await this.#outdated(entry))) return;
    this.#send({ ...entry.frame, client_id: entry.clientId });
    clearTimeout(this.#answer);
    this.#answer = setTimeout(() => this.#caravan._restart(), answerTime);
  }

  /** Whether an edit is not to be sent: the message was edited elsewhere after this was written, which must not be undone. */
  async #outdated(entry) {
    const { message_id: id, content } = entry.frame;
    try {
      const m = this.#timeline.get(id) ?? (await this.#caravan.rest('GET', `messages/${id}/`));
      if (m.updated_at !== entry.was && (m.caption ?? m.content) !== content) throw new CaravanError('outdated', 'It was changed elsewhere');
    } catch ({ code, message }) {
      this.#takeError({ code, message, client_id: entry.clientId });
    }
    return this.#outbox.underWay !== entry;
  }

  /** Nothing is under way any more. */
  #release() {
    clearTimeout(this.#answer);
    this.#outbox.underWay = undefined;
  }

  /** A frame of ours is stored. A new message comes back itself. Nobody else guesses 128 random bits. */
  #done(clientId, message) {
    const entry = clientId && this.#outbox.find(clientId);
    if (!entry || (entry.frame.type === 'chat_message') !== Boolean(message)) return;
    if (this.#outbox.underWay === entry) this.#release();
    this.#tries = 0;
    this.#outbox.done(entry, message);
    this._emit('stored', entry);
    this.#outboxChanged();
  }

  #takeError(f) {
    const entry = this.#outbox.find(f.client_id);
    const { code } = f;
    if (!entry) {
      if (f.client_id === 'watch') setTimeout(() => this.#live && this.#send(this.#watched), askAgain);
      else if (willPass(code)) this.#markLater(askAgain); // it may have been a mark
      return this._emit('problem', f);
    }
    if (this.#outbox.underWay === entry) this.#release();
    if (code === 'not_subscribed') return this._left(1012);
    this.#tries++;
    if (willPass(code) || (code === 'internal' && this.#tries < faultsMax)) {
      return this.#pause(Math.max((f.retry_after ?? 0) * 1_000, pauseMin, backoff(this.#tries)));
    }
    this.#tries = 0;
    this.#outbox.fail(entry, code, f.message);
    this.#outboxChanged();
  }

  #pause(ms) {
    clearTimeout(this.#pausing);
    this.#pausing = setTimeout(() => {
      this.#pausing = undefined;
      this.#sendNext();
    }, ms);
  }

  /** Says how far is read, a little later: the user may scroll on. */
  #markLater(ms = markTime) {
    this.#marking ??= setTimeout(() => this.#mark(), ms);
  }

  #mark() {
    clearTimeout(this.#marking);
    this.#marking = undefined;
    if (this.#live && this.readSeq) this.#send({ type: 'mark_read', seq: this.readSeq });
  }

  // --- Older messages ---------------------------------------------------------------------

  /** Loads the page that a room has from the start, unless it is only listed. */
  #fill() {
    if (!this.#short || this.#at === undefined) return;
    this.#short = false;
    this.older().catch(() => {}); // whoever looks at it asks for more
  }

  async #loadOlder() {
    const timeline = this.#timeline;
    while (this.#at !== undefined && !timeline.complete && !timeline.full) {
      const { floor } = timeline;
      const passed = (timeline.passed = new Map());
      try {
        const path = `rooms/${this.id}/messages/?limit=${pageSize}&before=${floor}`;
        const { results, first_seq: first = 1 } = await this.#caravan.rest('GET', path);
        const stale = (m) => passed.get(m.id) > m.rev || passed.has(m.reply_to?.id); // shows, or quotes, a message as it was
        if (timeline.passed !== passed || timeline.floor !== floor || results.some(stale)) continue; // or there is another past now
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
    this.state = { phase, code };
    this._emit('state', this.state);
  }
}
