// Caravan's REST calls for one room, as a client needs them.

const callTimeout = 20_000; // ms; a long poll gets this on top of its wait

/**
 * RestError is an answer that says no. `status` is HTTP's, `code` Caravan's. An answer
 * without one comes from a proxy, and may say nothing of what the server did.
 */
export class RestError extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail ?? `The server answered ${status}`);
    this.status = status;
    this.code = body?.code ?? ([408, 429, 502, 503, 504].includes(status) ? 'unknown_outcome' : '');
    this.retryAfter = retryAfter; // ms
  }
}

/**
 * Rest calls the API of the server at `origin` for the room of `trip`. Every
 * method rejects with a RestError where the server says no, and with another
 * error where it could not be reached.
 */
export class Rest {
  #origin;
  #trip;
  #token;

  /** @param token (fresh: boolean) => Promise<string>; see CaravanClient. */
  constructor(origin, trip, token) {
    this.#origin = origin;
    this.#trip = trip;
    this.#token = token;
  }

  /** The newest page, or the page before the message with the `seq` given. */
  page({ before, limit }) {
    const query = before === undefined ? { limit } : { limit, before };
    return this.#messages(query);
  }

  /**
   * What was made or changed after `since`; with `wait` (seconds) as a long poll. `last`
   * is the id of the message that event `since` made or changed, if that is known.
   */
  since(since, { last, wait, signal } = {}) {
    const query = { since, limit: 200 };
    if (last) query.since_id = last;
    if (wait) query.wait = `${wait}s`;
    return this.#messages(query, signal, wait * 1000);
  }

  /** Sends a message; resolves to it. Safe to repeat with the same client_id. */
  send({ content, replyTo, mentions, mentionsAll, attachments, clientId }) {
    const body = { chat_room: this.#trip, content, client_id: clientId };
    if (replyTo) body.reply_to = replyTo;
    if (mentions?.length) body.mentions = mentions;
    if (mentionsAll) body.mentions_all = true;
    if (attachments?.length) body.attachments = attachments.map((a) => a.id);
    return this.#call('POST', '/api/v1/chat/messages/', { body });
  }

  /** Replaces the content of an own message; resolves to the message. */
  edit(id, content) {
    return this.#call('PATCH', message(id), { body: { content } });
  }

  /** Carries out another change of a message; resolves to the message, or its reactions. */
  change({ op, messageId, emoji, on }) {
    if (op === 'delete') return this.#call('DELETE', message(messageId));
    const path = message(messageId) + (op === 'pin' ? 'pin/' : `reactions/${encodeURIComponent(emoji)}/`);
    return this.#call(on ? 'PUT' : 'DELETE', path);
  }

  /** A message, with new links of its files. */
  message(id) {
    return this.#call('GET', message(id));
  }

  /** The newest answers to a message. */
  replies(id) {
    return this.#call('GET', `${message(id)}replies/`);
  }

  /** Who has reacted to a message, and how. */
  reactions(id) {
    return this.#call('GET', `${message(id)}reactions/?limit=200`);
  }

  /** The pinned messages, the latest pin first. */
  pins() {
    return this.#call('GET', `/api/v1/chat/rooms/${this.#trip}/pins/`);
  }

  /** All rooms of the user. */
  async rooms() {
    const all = [];
    for (let next = '/api/v1/chat/rooms/?limit=100'; next; ) {
      const page = await this.#call('GET', next);
      all.push(...page.results);
      next = page.next && new URL(page.next, this.#origin).pathname + new URL(page.next, this.#origin).search;
    }
    return all;
  }

  /** One of them, by its id or its trip's. */
  room(id) {
    return this.#call('GET', `/api/v1/chat/rooms/${id}/`);
  }

  #messages(query, signal, wait) {
    const path = `/api/v1/chat/rooms/${this.#trip}/messages/?${new URLSearchParams(query)}`;
    return this.#call('GET', path, { signal, wait });
  }

  /** One call; an expired token is replaced once. */
  async #call(method, path, options = {}) {
    const answer = await this.#fetch(method, path, options, await this.#token(false));
    if (answer.status !== 401) return read(answer);
    return read(await this.#fetch(method, path, options, await this.#token(true)));
  }

  #fetch(method, path, { body, signal, wait }, token) {
    const limit = AbortSignal.timeout(callTimeout + (wait || 0));
    const headers = { Authorization: `Bearer ${token}` };
    if (body) headers['Content-Type'] = 'application/json';
    return fetch(this.#origin + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
    });
  }
}

const message = (id) => `/api/v1/chat/messages/${id}/`;

async function read(answer) {
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => undefined);
  throw new RestError(answer.status, body, 1000 * (Number(answer.headers.get('Retry-After')) || 1));
}
