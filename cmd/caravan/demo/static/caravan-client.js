// A client of one Caravan room: the reference for authors of clients.
//
// What it takes care of, so that a page only has to render:
//   - connecting, and connecting again with a jittered, growing delay;
//   - resuming: `?since=` the last number seen, so that nothing is lost or repeated;
//   - noticing a jump in the numbers, and fetching the rest of a long absence;
//   - sending again, with the same client_id, what was not acknowledged or was
//     refused for a reason that will pass;
//   - standard messaging (REST and a long poll) where WebSockets are blocked, and
//     the way back.

import { Outbox, toFrame } from './caravan-outbox.js';
import { emojiKey, Own } from './caravan-own.js';
import { backoff, Pause } from './caravan-pause.js';
import { Presence } from './caravan-presence.js';
import { Reads } from './caravan-reads.js';
import { Rest, RestError } from './caravan-rest.js';
import { Timeline } from './caravan-timeline.js';

const pageSize = 50; // messages in a page of history
const reconnecting = { min: 500, max: 30_000 }; // ms before the first and between later attempts
const steadyAfter = 10_000; // ms live, after which the backoff starts from its minimum
const blockedAfter = 2; // failed WebSockets in a row, with REST answering, that mean "blocked"
const returning = { min: 15_000, max: 120_000 }; // the same, from standard messaging to a WebSocket
const pollWait = 25; // s
const answerTimeout = 30_000; // ms for the server to acknowledge what we sent
const typingEvery = 3_000; // ms between two frames that say the same

/**
 * CaravanClient follows one trip's room for one user. Events (CustomEvent, see `detail`):
 *
 *   state    {phase, retryAt?, reason?}, also in `client.state`. Phases: 'connecting',
 *            'live', 'waiting' (until retryAt, ms since 1970), 'standard' (REST only),
 *            'stopped' (reason: 'unauthorized', 'forbidden' or 'closed')
 *   messages {messages, cause}: made or changed; cause 'history', 'live' or 'older'.
 *            With 'history' all that was shown before is void
 *   outbox   {entry, message?}: an own message or change became pending, failed or sent
 *   own      what concerns the user alone has changed: see `client.own`
 *   reads    somebody has read further: see `client.reads`
 *   presence somebody has come or gone: see `client.presence`
 *   typing   {userId, email, isTyping}
 *   problem  {text, code}: an error of the server that concerns no entry
 */
export class CaravanClient extends EventTarget {
  timeline = new Timeline();
  outbox = new Outbox((entry, message) => this.#emit('outbox', { entry, message }));
  own;
  reads;
  presence = new Presence();
  state = { phase: 'stopped', reason: 'closed' };

  #socket;
  #trip;
  #user;
  #rest;
  #run = null; // AbortController of start() until stop()
  #link = null; // the present subscription
  #poll = null; // AbortController of the long poll, in standard messaging
  #position = null; // the number up to which everything is here; null before any history
  #last = null; // the id of the message that the event at our position made or changed; null: not known
  #asked = null; // our position when this connection was made
  #early = null; // live events that wait while the rest of an absence is fetched
  #pause = new Pause(); // between two attempts to connect
  #sendingPaused = null; // timer: nothing is sent until it ends
  #typingAt = 0; // performance.now() of the last typing frame; 0: not typing

  /**
   * @param {string} trip the trip's id
   * @param {string} user the id of the user whom the token names
   * @param {UserSocket} socket of that user, which their rooms share
   * @param {(fresh: boolean) => Promise<string>} token gives an access token; with
   *   fresh the last one was refused and a new one must be got
   * @param {string} origin of the server, like https://chat.example.com
   */
  constructor({ trip, user, socket, token, origin = location.origin }) {
    super();
    this.#socket = socket;
    this.#trip = trip;
    this.#user = user;
    this.own = new Own(user);
    this.reads = new Reads(user);
    this.#rest = new Rest(origin, trip, token);
  }

  /** Connects, and stays connected until stop(). */
  start() {
    if (this.#run) return;
    const { signal } = (this.#run = new AbortController());
    const watch = setInterval(() => this.#checkAnswer(), 1000);
    signal.addEventListener('abort', () => clearInterval(watch));
    addEventListener('online', () => this.reconnectNow(), { signal });
    this.#keepConnected(signal);
  }

  stop(reason = 'closed') {
    this.#run?.abort();
    this.#run = null;
    this.#poll?.abort();
    this.#poll = null;
    this.#link?.close();
    this.#become('stopped', { reason });
    this.#pause.end();
  }

  /** Does not wait for the end of the present pause. */
  reconnectNow() {
    this.#pause.end();
  }

  /** Sends a message, now or as soon as possible. Returns its entry in the outbox. */
  send(content, { replyTo, mentions, mentionsAll, attachments } = {}) {
    this.typing(false);
    return this.#write({ content: content.toWellFormed().trim(), replyTo, mentions, mentionsAll, attachments });
  }

  /** Replaces the content of an own message, now or as soon as possible. */
  edit(messageId, content) {
    return this.#write({ content: content.toWellFormed().trim(), messageId });
  }

  /** Deletes a message for everybody, pins it, or chooses an emoji for it, in the same way. */
  remove(messageId) {
    return this.#write({ op: 'delete', messageId });
  }

  pin(messageId, on) {
    return this.#write({ op: 'pin', messageId, on });
  }

  react(messageId, emoji, on) {
    return this.#write({ op: 'react', messageId, emoji, on });
  }

  /** The keys of the emoji that the user has chosen for a message, or is about to. */
  chosen(messageId) {
    const all = this.own.chosen(messageId);
    for (const { op, emoji, on } of this.outbox.intentions(messageId)) {
      if (op !== 'react') continue;
      if (on) all.add(emojiKey(emoji));
      else all.delete(emojiKey(emoji));
    }
    return all;
  }

  /** What is asked for now and then: replies(id), reactions(id), pins(), message(id). They reject like loadOlder. */
  get lists() {
    return this.#rest;
  }

  retry(clientId) {
    this.outbox.retry(clientId);
    this.#sendNext();
  }

  /** Tells the others, at most every few seconds. Standard messaging has no typing. */
  typing(isTyping) {
    const now = performance.now();
    if (this.state.phase !== 'live') return;
    if (isTyping ? this.#typingAt && now - this.#typingAt < typingEvery : !this.#typingAt) return;
    this.#typingAt = isTyping ? now : 0;
    this.#link.send({ type: 'typing', is_typing: isTyping });
  }

  /** The user has seen all that is here. Of what standard messaging shows nobody is told. */
  markRead() {
    const frame = this.state.phase === 'live' && this.reads.mark(this.#position);
    if (frame) this.#link.send(frame);
  }

  /** Loads the page before the oldest message. Rejects where the server cannot be reached. */
  async loadOlder() {
    if (this.timeline.complete) return;
    const before = this.timeline.floor;
    const page = await this.#rest.page({ before, limit: pageSize });
    if (before !== this.timeline.floor) return; // another call, or a new history, was faster
    this.#emit('messages', { messages: this.#learn(page.results, this.timeline.prepend(page.results), true), cause: 'older' });
  }

  // --- The connection ---------------------------------------------------------

  /** One subscription after the other, until the run is over. */
  async #keepConnected(signal) {
    let failures = 0; // in a row; sets the pace
    let blocked = 0; // of those, how many while REST answered
    let refused = 0; // tokens in a row
    while (!signal.aborted) {
      if (!this.#poll) this.#become('connecting');
      const began = performance.now();
      const { code, joined } = await this.#connect(refused > 0);
      if (signal.aborted) return;
      if (joined) blocked = 0;
      if (joined && performance.now() - began > steadyAfter) failures = refused = 0;

      if (code === 4003) return this.stop('forbidden');
      if (code === 4001) {
        if (++refused > 1) return this.stop('unauthorized');
        continue; // at once, with a fresh token
      }
      if (code === 1009) this.#refuseTooBig();

      failures++;
      if (!joined && !this.#poll) {
        blocked = (await this.#catchUp(signal)) ? blocked + 1 : 0;
        if (signal.aborted) return;
        if (blocked >= blockedAfter) {
          this.#startPolling();
          failures = 1;
        }
      }
      const delay = backoff(failures, this.#poll ? returning : reconnecting);
      if (!this.#poll) this.#become('waiting', { retryAt: Date.now() + delay });
      await this.#pause.start(delay);
    }
  }

  /** One subscription, until it or the socket ends. */
  async #connect(fresh) {
    const asked = {};
    this.#asked = this.#position;
    if (this.#asked !== null) asked.since = this.#asked;
    if (this.#asked !== null && this.#last !== null) asked.since_id = this.#last;
    const link = this.#socket.subscribe(this.#trip, asked, (frame) => this.#take(frame), { fresh });
    this.#link = link;
    const code = await link.ended;
    this.#link = null;
    this.#early = null;
    this.#typingAt = 0;
    this.presence.clear();
    if (!this.#poll) this.outbox.release();
    return { code, joined: link.joined };
  }

  #take(frame) {
    switch (frame.type) {
      case 'message_history':
        return this.#takeHistory(frame);
      case 'chat_message':
      case 'message_edited':
      case 'message_patch':
        return this.#takeEvent(frame);
      case 'own':
        this.own.take(frame);
        for (const f of this.reads.takeOwn(frame)) this.#link.send(f);
        return this.#emit('own');
      case 'reads':
        this.reads.take(frame);
        return this.#emit('reads');
      case 'presence':
        this.presence.take(frame);
        return this.#emit('presence');
      case 'room':
        return this.#cut(frame.first_seq);
      case 'ack':
        return this.#takeAck(frame);
      case 'typing':
        return this.#emit('typing', { userId: frame.user_id, email: frame.user_email, isTyping: frame.is_typing });
      case 'error':
        return this.#takeError(frame);
    }
  }

  /** The first frame of a connection: the newest page, or what we missed. */
  async #takeHistory({ messages, since, seq, has_more: hasMore, first_seq: first = 1 }) {
    if (since > seq || since < this.#asked || (hasMore && seq === 0)) {
      // The database went back, and what we have may not be in it: we begin anew.
      this.#position = null;
      this.#link.close(4000);
      return;
    }
    const link = this.#link;
    this.#early = [];
    if (since === undefined) this.#open(messages);
    else this.#apply(messages);
    this.#cut(first);
    this.#advance(seq, messages);
    if (hasMore && !(await this.#catchUp(this.#run.signal))) link.close(4000);
    if (link !== this.#link || !this.#early) return;
    const early = this.#early;
    this.#early = null;
    for (const frame of early) this.#takeEvent(frame);
    this.#goLive();
  }

  #goLive() {
    this.#poll?.abort();
    this.#poll = null;
    this.#become('live');
    clearTimeout(this.#sendingPaused); // this may be another server than the one that asked for a pause
    this.#sendingPaused = null;
    this.#sendNext();
  }

  /** A message made or changed, whole or as a patch. Its number says whether we missed one before it. */
  #takeEvent(frame) {
    if (frame.duplicate) return this.#apply([frame.message]); // outside the room's order
    if (this.#early) return this.#early.push(frame);
    const prev = frame.prev ?? frame.seq - 1;
    if (prev > this.#position) return this.#link?.close(4000); // and resume from our position
    const message = frame.message ?? this.timeline.patched(frame.message_id, frame.set, frame.rev);
    this.#advance(frame.seq, [{ id: frame.message_id ?? message.id, rev: frame.seq }]);
    this.#apply(message ? [message] : []);
  }

  // --- What we know -----------------------------------------------------------

  /** With page the messages are one of REST. */
  #open(messages, page = false) {
    this.#acknowledge(messages);
    this.#emit('messages', { messages: this.#learn(messages, this.timeline.open(messages), page), cause: 'history' });
  }

  #apply(messages, page = false) {
    this.#acknowledge(messages);
    const news = this.#learn(messages, this.timeline.apply(messages), page);
    if (news.length) this.#emit('messages', { messages: news, cause: 'live' });
    this.#sendNext();
  }

  #acknowledge(messages) {
    for (const m of messages) this.outbox.acknowledge(m, m.sender.id === this.#user);
  }

  /** Learns the user's own reactions from what was told and is news. Returns the news. */
  #learn(told, news, page) {
    for (const m of told) if (news.includes(m)) this.own.learn(m, { page });
    return news;
  }

  /** What stands before the number that the room begins with is gone. */
  #cut(first) {
    const left = this.timeline.cut(first);
    if (left) this.#emit('messages', { messages: left, cause: 'history' });
  }

  /** Everything up to number `seq` is here; one of these messages may be what it is about. */
  #advance(seq, messages) {
    if (seq < this.#position) return;
    const last = messages.find((m) => m.rev === seq)?.id ?? null;
    if (seq !== this.#position || last !== null) this.#last = last;
    this.#position = seq;
  }

  /** Fetches by REST all that is missing. False where the server did not give it. */
  async #catchUp(signal) {
    try {
      if (this.#position === null) await this.#firstPage();
      for (let more = true; more && !signal.aborted; ) {
        more = await this.#nextPage(signal);
      }
      return true;
    } catch (error) {
      this.#stopIfRefused(error);
      return false;
    }
  }

  /** Every later change has a greater `rev` than any message of the newest page. */
  async #firstPage() {
    const { results } = await this.#rest.page({ limit: pageSize });
    if (this.#position !== null) return; // a WebSocket was faster
    this.#open(results, true);
    this.#advance(results.reduce((rev, m) => Math.max(rev, m.rev), 0), results);
  }

  /** Resolves to whether there is more at once. */
  async #nextPage(signal, wait) {
    const asked = this.#position;
    const page = await this.#rest.since(asked, { last: this.#last, wait, signal });
    if (signal.aborted) return false;
    if (page.seq < asked && asked === this.#position) {
      this.#position = null; // the database went back
      await this.#firstPage();
      return true;
    }
    this.#apply(page.results, true);
    this.#advance(page.seq, page.results);
    return page.has_more;
  }

  // --- Standard messaging -----------------------------------------------------

  async #startPolling() {
    const { signal } = (this.#poll = new AbortController());
    this.#become('standard');
    this.#sendNext();
    try {
      while (!signal.aborted) await this.#nextPage(signal, pollWait);
    } catch (error) {
      if (signal.aborted) return;
      this.#poll = null; // REST does not answer either: begin anew
      this.#become('connecting');
      this.#stopIfRefused(error);
      this.#pause.end();
    }
  }

  #stopIfRefused(error) {
    if (!(error instanceof RestError) || !this.#run) return;
    if (error.status === 401) this.stop('unauthorized');
    if (error.status === 403 || error.status === 404) this.stop('forbidden');
  }

  // --- Sending ----------------------------------------------------------------

  #write(entry) {
    this.outbox.add(entry);
    this.#sendNext();
    return entry;
  }

  #sendNext() {
    const { phase } = this.state;
    if ((phase !== 'live' && phase !== 'standard') || this.#sendingPaused) return;
    const entry = this.outbox.take();
    if (!entry) return;
    if (entry.messageId && !entry.op) entry.rev ??= this.timeline.get(entry.messageId)?.rev ?? 0;
    if (phase === 'live') this.#link.send(toFrame(entry));
    else this.#post(entry);
  }

  async #post(entry) {
    try {
      const answer = await this.#asPlainCall(entry);
      if (entry.op === 'react') return this.#done(entry);
      this.#done(entry, answer);
      this.#apply([answer]);
    } catch (error) {
      if (error.status === 401) {
        this.outbox.release(); // nothing is wrong with the entry: it waits for a sign-in
        this.#stopIfRefused(error);
      } else if (error instanceof RestError) {
        this.#refuse(entry, { code: error.code, text: error.message, retryAfter: error.retryAfter });
      } else {
        this.outbox.release(); // not reached: it goes out again when something answers
        this.#pauseSending(1000);
      }
    }
  }

  #asPlainCall(entry) {
    if (entry.op) return this.#rest.change(entry);
    return entry.messageId ? this.#rest.edit(entry.messageId, entry.content) : this.#rest.send(entry);
  }

  /** A change of a message is stored; a new message is told by itself. */
  #takeAck({ client_id: clientId }) {
    const entry = this.outbox.find(clientId);
    if (entry?.messageId) this.#done(entry, entry.op ? undefined : this.timeline.get(entry.messageId));
  }

  #done(entry, message) {
    const { op, messageId, emoji, on } = entry;
    if (op === 'react') this.own.choose(messageId, emoji, on);
    this.outbox.done(entry, message);
    this.#sendNext();
  }

  #takeError({ message: text, code, client_id: clientId }) {
    const entry = this.outbox.find(clientId);
    if (entry) this.#refuse(entry, { code, text });
    else this.#emit('problem', { text, code });
  }

  #refuse(entry, refusal) {
    const delay = this.outbox.refuse(entry, refusal);
    if (delay) this.#pauseSending(delay);
    else this.#sendNext();
  }

  #pauseSending(ms) {
    clearTimeout(this.#sendingPaused);
    this.#sendingPaused = setTimeout(() => {
      this.#sendingPaused = null;
      this.#sendNext();
    }, ms);
  }

  /** The server ends a connection over a frame beyond its limit: never send that again. */
  #refuseTooBig() {
    const entry = this.outbox.longest();
    if (entry) this.outbox.refuse(entry, { code: 'too_long', text: 'Message is too long' });
  }

  /** An answer that never comes is no answer: resume, and send it again. */
  #checkAnswer() {
    if (this.state.phase === 'live' && this.outbox.waiting > answerTimeout) this.#link.close(4000);
  }

  // --- Small parts ------------------------------------------------------------

  #become(phase, more = {}) {
    if (phase === this.state.phase && phase !== 'waiting') return;
    this.state = { phase, ...more };
    this.#emit('state', this.state);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
