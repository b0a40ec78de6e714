// Where WebSockets are blocked: the same frames over REST.

const pageSize = 50; // messages in a room's first history
const pollSize = 200; // messages in an answer of a poll
const pollTime = 25; // s for which the server may keep a poll
const callTime = 20_000; // ms for a call; a poll gets its own time on top
const lookAgain = { min: 15_000, max: 120_000 }; // ms until a WebSocket is tried again, and the longest
const pollsMax = 4; // at once: a browser has six connections to a server, and what is sent needs one
const pollPause = 1_000; // ms between two polls that a proxy answers at once, with nothing
const turnTime = 2; // s for which a poll is kept where more rooms than that take turns
const blockedAfter = 2; // attempts in a row without a frame, after which REST is tried
const saidMin = 1008; // closes of WebSockets that only a server makes, and no proxy
const unsure = [408, 429, 502, 503, 504]; // without a code such an answer is a proxy's

/**
 * What Caravan gets as `socket`: WebSockets, and after two attempts that brought no frame the same over REST, until a
 * WebSocket goes through again.
 */
export function orLongPoll(open = (...args) => new WebSocket(...args)) {
  let unheard = 0; // attempts in a row without a frame
  return (url, protocols) => {
    const polls = unheard >= blockedAfter && unheard % 2 === 0;
    unheard++;
    if (polls) return new LongPoll(() => open(url, protocols), url, protocols[1].slice('token.'.length), (again) => (unheard = again ? 0 : blockedAfter));
    const socket = open(url, protocols);
    socket.addEventListener('message', () => (unheard = 0));
    socket.addEventListener('close', ({ code }) => code >= saidMin && (unheard = 0));
    return socket;
  };
}

/**
 * LongPoll looks to Caravan like the WebSocket of a user, and does what its frames ask for by REST: it polls the rooms
 * that are subscribed. What REST does not have, typing and what is watched, is passed over. It ends with 1006 when the
 * server cannot be reached, with 4001 when the token is refused, and when a WebSocket goes through again.
 */
class LongPoll {
  phase = 'fallback';
  onopen = null;
  onmessage = null;
  onclose = null;

  #url;
  #token;
  #heard;
  #reached; // Promise: the first ping is answered
  #polls = new Map(); // id of a room, as it was subscribed → AbortController
  #polling = 0; // polls that wait for an answer
  #turns = []; // what begins the next ones
  #end = new AbortController();
  #looking; // timer: the next look for a WebSocket
  #tried; // the WebSocket that is looked at

  /**
   * @param open opens the WebSocket whose place this takes
   * @param heard is called when the server answers, with true when it does so by a WebSocket
   */
  constructor(open, url, token, heard) {
    this.#url = url.replace(/^ws/, 'http').replace(/\/ws\/chat\/.*/, '');
    this.#token = token;
    this.#heard = heard;
    setTimeout(() => this.onopen?.(), 0);
    this.#look(open, lookAgain.min);
  }

  close() {
    this.#end.abort();
    clearTimeout(this.#looking);
    this.#tried?.close();
    for (const poll of this.#polls.values()) poll.abort();
  }

  send(text) {
    const frame = JSON.parse(text);
    this.#do(frame).catch((error) => this.#refuse(frame, error));
  }

  // --- Frames that come out -----------------------------------------------------------

  #tell(frame) {
    if (this.#end.signal.aborted) return;
    this.#heard(false);
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  #finish(code) {
    if (code === 4001) this.#heard(false);
    const told = this.onclose;
    this.close();
    told?.({ code });
  }

  /** Ends the connection, or tells of an error by a frame, where there is one to answer. */
  #refuse({ type, client_id: clientId, chat_room_id: room }, { status, code, message, after }) {
    if (this.#end.signal.aborted) return;
    if (status === 401) return this.#finish(4001);
    if (type === 'ping') return this.#finish(1006);
    code ??= status === undefined || unsure.includes(status) ? 'unknown_outcome' : 'internal';
    this.#tell({ type: 'error', code, message, client_id: clientId, chat_room_id: room, retry_after: after });
  }

  // --- Frames that go in ----------------------------------------------------------------

  async #do(f) {
    const room = `rooms/${f.chat_room_id}/`;
    const message = `messages/${f.message_id}/`;
    const how = f.on ? 'PUT' : 'DELETE';
    switch (f.type) {
      case 'ping': {
        const answer = this.#call('GET', 'rooms/?limit=1');
        this.#reached ??= answer;
        await answer;
        return this.#tell({ type: 'pong' });
      }
      case 'auth':
        this.#token = f.token;
        return this.#tell({ type: 'ack', client_id: f.client_id });
      case 'subscribe':
        await Promise.all(f.rooms.map((asked) => this.#enter(asked)));
        return this.#tell({ type: 'ack', client_id: f.client_id });
      case 'unsubscribe':
        for (const id of f.rooms) {
          this.#polls.get(id)?.abort();
          this.#polls.delete(id);
        }
        return undefined;
      case 'chat_message': {
        const { type, chat_room_id: chatRoom, ...body } = f;
        return this.#changed(await this.#call('POST', 'messages/', { chat_room: chatRoom, ...body }));
      }
      case 'edit_message':
        this.#changed(await this.#call('PATCH', message, { content: f.content }));
        break;
      case 'delete_message':
        this.#changed(await this.#call('DELETE', message));
        break;
      case 'pin_message':
        this.#changed(await this.#call(how, `${message}pin/`));
        break;
      case 'react':
        await this.#call(how, `${message}reactions/${encodeURIComponent(f.emoji)}/`);
        break;
      case 'mark_read':
        await this.#call('POST', `${room}read/`, { seq: f.seq });
        break;
      default:
        return undefined; // REST has no such thing
    }
    if (f.client_id) this.#tell({ type: 'ack', client_id: f.client_id, chat_room_id: f.chat_room_id });
  }

  /** Outside the room's order, like the answer to a resend: the poll tells it in its place. */
  #changed(message) {
    this.#tell({ type: 'message_edited', message, seq: message.seq, duplicate: true });
  }

  // --- Rooms ------------------------------------------------------------------------------

  /** Tells a room's history, and from then on its events, until it is unsubscribed. */
  async #enter({ id, since, since_id: last, limit = pageSize }) {
    this.#polls.get(id)?.abort();
    const poll = new AbortController();
    this.#polls.set(id, poll);
    await this.#orLeave(id, poll.signal, async () => {
      await this.#reached; // then it is known that this is REST, and what nobody wants here is unsubscribed
      poll.signal.throwIfAborted();
      const at = await this.#history(id, since, last, limit);
      this.#orLeave(id, poll.signal, () => this.#follow(id, at, poll.signal));
    });
  }

  async #follow(id, at, signal) {
    while (at && !signal.aborted) {
      const began = Date.now();
      const { seq } = at;
      at = await this.#events(id, at, signal);
      if (at?.seq === seq && Date.now() - began < pollPause) await new Promise((resolve) => setTimeout(resolve, pollPause)); // it does not wait
    }
  }

  /** Does what a room needs. What is refused ends the room, and what cannot be asked the connection. */
  async #orLeave(id, signal, work) {
    try {
      await work();
    } catch ({ status }) {
      if (signal.aborted || this.#end.signal.aborted) return;
      if (status === 401) this.#finish(4001);
      else if (status === undefined) this.#finish(1006);
      else this.#tell({ type: 'left', chat_room_id: id, code: status === 403 || status === 404 ? 4003 : 1013 });
    }
  }

  /** Tells what `message_history` and `own` would say. Resolves to where the room is then. */
  async #history(id, since, last, limit) {
    const { id: room, trip_id: trip, role, read_seq: read, slow_mode: slow } = await this.#call('GET', `rooms/${id}/`);
    const asked = since === undefined ? `limit=${limit}` : `since=${since}${last ? `&since_id=${last}` : ''}&limit=${pollSize}`;
    const page = await this.#call('GET', `rooms/${id}/messages/?${asked}`);
    const messages = page.results;
    const seq = page.seq ?? messages.reduce((rev, m) => Math.max(rev, m.rev), 0); // every later change has a greater one
    const first = page.first_seq;
    this.#tell({
      type: 'message_history', chat_room_id: room, trip_id: trip, messages, seq, since, has_more: page.has_more, first_seq: first, slow_mode: slow,
    });
    this.#tell({ type: 'own', v: 2, chat_room_id: room, role, read_seq: read });
    return page.has_more || seq < since ? null : { room, seq, last: messages.find((m) => m.rev === seq)?.id };
  }

  /** Tells what happens after `at`. Resolves to where the room is then, or to null where it is to be asked for anew. */
  async #events(id, { room, seq: at, last }, signal) {
    const since = `since=${at}${last ? `&since_id=${last}` : ''}`;
    const page = await this.#inTurn(signal, (wait) => this.#call('GET', `rooms/${id}/messages/?${since}&limit=${pollSize}&wait=${wait}s`, undefined, signal));
    if (signal.aborted) return null;
    if (page.seq < at) {
      this.#tell({ type: 'message_history', chat_room_id: room, since: page.seq, messages: [], seq: page.seq, has_more: true });
      return null;
    }
    let prev = at;
    for (const message of page.results) {
      const type = message.seq === message.rev ? 'chat_message' : 'message_edited';
      this.#tell({ type, message, seq: message.rev, prev });
      prev = message.rev;
    }
    if (page.seq > prev) this.#tell({ type: 'passed', chat_room_id: room, seq: page.seq, prev }); // numbers without a message
    const newest = page.results.at(-1);
    return { room, seq: page.seq, last: newest?.rev === page.seq ? newest.id : page.seq === at ? last : undefined };
  }

  /** Keeps some connections free: rooms that are more than may be polled at once take turns, which are short then. */
  async #inTurn(signal, poll) {
    if (this.#polling >= pollsMax) await new Promise((begin) => this.#turns.push(begin));
    else this.#polling++;
    try {
      signal.throwIfAborted();
      return await poll(this.#polls.size > pollsMax ? turnTime : pollTime);
    } finally {
      if (this.#turns.length) this.#turns.shift()();
      else this.#polling--;
    }
  }

  /** Looks now and then whether a WebSocket goes through: whether a frame comes. */
  #look(open, ms) {
    this.#looking = setTimeout(() => {
      this.#tried?.close();
      this.#look(open, Math.min(2 * ms, lookAgain.max));
      try {
        const socket = (this.#tried = open());
        socket.onopen = () => socket.send('{"type":"ping"}');
        socket.onmessage = () => this.#through();
      } catch {
        // a page may forbid it
      }
    }, ms * (0.5 + Math.random() / 2));
  }

  /** Caravan opens a WebSocket at once. */
  #through() {
    this.#tell({ type: 'closing', reconnect_after_ms: 0 });
    this.#heard(true);
    this.#finish(1012);
  }

  // --- Calls --------------------------------------------------------------------------------

  /** Resolves to the answer. Rejects with {status?, code?, message, after?}: without a status nothing has answered. */
  async #call(method, path, body, poll) {
    const limit = new AbortController();
    const stop = () => limit.abort();
    const signals = [this.#end.signal, ...(poll ? [poll] : [])];
    for (const signal of signals) signal.addEventListener('abort', stop);
    const timer = setTimeout(stop, callTime + (poll ? pollTime * 1_000 : 0));
    try {
      const answer = await fetch(`${this.#url}/api/v1/chat/${path}`, {
        method,
        headers: { Authorization: `Bearer ${this.#token}`, ...(body && { 'Content-Type': 'application/json' }) },
        body: body && JSON.stringify(body),
        signal: limit.signal,
        cache: 'no-store',
      });
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) return said;
      const after = Number(answer.headers.get('Retry-After')) || undefined;
      throw { status: answer.status, code: said.code, message: said.detail ?? `The server answered ${answer.status}`, after };
    } finally {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', stop);
    }
  }
}
