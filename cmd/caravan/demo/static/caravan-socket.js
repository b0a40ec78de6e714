// One WebSocket of a user, for all their rooms.

import { Link } from './caravan-link.js';

const gatherTime = 20; // ms for which rooms wait for one another, to be asked for in one frame

/**
 * UserSocket opens a WebSocket when a room is subscribed, and keeps it while there is one. Who
 * subscribes says when to try again: where the socket ends, so do all subscriptions. Events
 * (CustomEvent, see `detail`), for who follows all rooms:
 *
 *   open   a new socket is let in: nothing is subscribed yet but what asked for it
 *   frame  a frame of the server
 *   sent   a frame of ours about a room: {trip, frame}
 */
export class UserSocket extends EventTarget {
  #url;
  #token;
  #link = null;
  #opening = false;
  #begun = false; // a frame has come
  #rooms = new Map(); // id of a room or of its trip → Subscription
  #asked = new Set(); // subscriptions of which the server does not know yet
  #gathering = null; // timer

  /** @param token (fresh: boolean) => Promise<string>; see CaravanClient. */
  constructor({ token, origin = location.origin }) {
    super();
    this.#url = `${origin.replace(/^http/, 'ws')}/ws/chat/?v=2`;
    this.#token = token;
  }

  /**
   * Asks to hear the room of a trip: `asked` has what goes with that, `since`, `since_id` or `limit`.
   * With fresh the last token was refused. Another subscription of the room ends.
   */
  subscribe(trip, asked, receive, { fresh = false } = {}) {
    this.#rooms.get(trip)?.close(4000);
    const subscription = new Subscription(this, trip, asked, receive);
    this.#rooms.set(trip, subscription);
    this.#asked.add(subscription);
    if (this.#link) this.#gathering ??= setTimeout(() => this.#ask(), gatherTime);
    else this.#open(fresh);
    return subscription;
  }

  /** Whether somebody hears the room of a trip. */
  hears(trip) {
    return this.#rooms.has(trip);
  }

  /** Sends a frame about a room. What is sent while there is no link is lost, as on the wire. */
  send(trip, frame) {
    this.#link?.send({ ...frame, chat_room_id: trip });
    this.dispatchEvent(new CustomEvent('sent', { detail: { trip, frame } }));
  }

  /** Forgets a subscription that has ended, and tells the server if it knows of it. */
  forget(subscription) {
    for (const [id, other] of this.#rooms) if (other === subscription) this.#rooms.delete(id);
    if (this.#asked.delete(subscription)) return;
    this.#link?.send({ type: 'unsubscribe', rooms: [subscription.trip] });
  }

  async #open(fresh) {
    if (this.#opening) return;
    this.#opening = true;
    let code = 1006;
    try {
      const token = await this.#token(fresh);
      const link = new Link(this.#url, ['caravan', `token.${token}`], (frame) => this.#take(frame), () => this.#ask());
      this.#link = link;
      this.#begun = false;
      code = await link.ended;
    } catch {
      // no token: as if the server could not be reached
    }
    this.#link = null;
    this.#opening = false;
    clearTimeout(this.#gathering);
    this.#gathering = null;
    const all = new Set(this.#rooms.values());
    this.#rooms.clear();
    this.#asked.clear();
    for (const subscription of all) subscription.end(code);
  }

  #ask() {
    this.#gathering = null;
    const rooms = [...this.#asked].map(({ trip, asked }) => ({ id: trip, ...asked }));
    this.#asked.clear();
    if (rooms.length) this.#link?.send({ type: 'subscribe', rooms });
  }

  #take(frame) {
    if (frame.type === 'token_expiring') return this.#renew();
    const id = frame.chat_room_id ?? frame.message?.chat_room_id;
    const subscription = this.#rooms.get(frame.trip_id) ?? this.#rooms.get(id);
    if (subscription && frame.type === 'message_history') this.#rooms.set(id, subscription);
    if (frame.type === 'left') {
      for (const [key, other] of this.#rooms) if (other === subscription) this.#rooms.delete(key);
      subscription?.end(frame.code);
    } else {
      subscription?.take(frame);
    }
    if (!this.#begun) this.dispatchEvent(new CustomEvent('open'));
    this.#begun = true;
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
  }

  /** The socket goes on with a fresh token. Without one it ends, and whoever needs it begins anew. */
  async #renew() {
    const link = this.#link;
    try {
      const token = await this.#token(true);
      if (link === this.#link) link?.send({ type: 'auth', token });
    } catch {
      // there may be one when the socket has ended
    }
  }
}

/**
 * Subscription is to one room what a Link is to a connection: frames come in order, and after
 * `ended`, which resolves once, none. What comes before the history is of a former subscription.
 */
class Subscription {
  joined = false;
  /** @type {Promise<number>} */
  ended;

  #socket;
  #receive;
  #end;

  constructor(socket, trip, asked, receive) {
    this.trip = trip;
    this.asked = asked;
    this.#socket = socket;
    this.#receive = receive;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  send(frame) {
    this.#socket.send(this.trip, frame);
  }

  close(code = 1000) {
    if (!this.#receive) return;
    this.end(code);
    this.#socket.forget(this);
  }

  take(frame) {
    if (!this.joined && frame.type !== 'message_history') return;
    this.joined = true;
    this.#receive?.(frame);
  }

  end(code) {
    this.#receive = null;
    this.#end(code);
  }
}
