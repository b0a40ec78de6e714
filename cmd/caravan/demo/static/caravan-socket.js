// One WebSocket of a user, for all their rooms.

import { Link } from './caravan-link.js';

const gatherTime = 20; // ms for which rooms wait for one another, to be asked for in one frame
const askMax = 100; // rooms in a frame: the server takes no more

/** The code of our own for a room that is more than the server allows on one socket. */
export const closeTooManyRooms = 4013;

/**
 * UserSocket opens a WebSocket when a room is subscribed, and keeps it until the socket ends, even
 * when no room is subscribed any more. All subscriptions end with the socket: who subscribes says
 * when to try again. Events (CustomEvent, see `detail`), for who follows all rooms:
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
  #fresh = false; // somebody was refused, and wants the next link to have a fresh token
  #begun = false; // a frame has come
  #rooms = new Map(); // id of a room or of its trip → Subscription
  #waiting = new Set(); // subscriptions of which the server does not know yet
  #asked = new Map(); // client_id of a frame → its subscriptions, until it is answered
  #frames = 0; // subscribe frames so far; each one's number is its client_id
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
    this.#waiting.add(subscription);
    if (this.open) this.#gathering ??= setTimeout(() => this.#ask(), gatherTime);
    else this.#open(fresh);
    return subscription;
  }

  /** Whether there is a link on which frames can be sent. */
  get open() {
    return this.#link?.open ?? false;
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
    if (this.#waiting.delete(subscription)) return;
    this.#link?.send({ type: 'unsubscribe', rooms: [subscription.trip] });
  }

  /** One link, from the token to its end; a second one where a fresh token was wanted meanwhile. */
  async #open(fresh) {
    this.#fresh ||= fresh;
    if (this.#opening) return;
    this.#opening = true;
    let code;
    do code = await this.#connect();
    while (code === 4001 && this.#fresh && !this.#begun);
    this.#opening = false;
    const all = new Set(this.#rooms.values());
    this.#rooms.clear();
    this.#waiting.clear();
    for (const subscription of all) subscription.end(code);
  }

  /** Asks for all rooms when the link is open. Resolves to the code with which it has ended. */
  async #connect() {
    const fresh = this.#fresh;
    this.#fresh = false;
    this.#begun = false;
    let code = 1006;
    try {
      const token = await this.#token(fresh);
      this.#waiting = new Set(this.#rooms.values());
      const link = new Link(this.#url, ['caravan', `token.${token}`], (frame) => this.#take(frame), () => this.#ask());
      this.#link = link;
      code = await link.ended;
    } catch {
      // no token: as if the server could not be reached
    }
    this.#link = null;
    clearTimeout(this.#gathering);
    this.#gathering = null;
    this.#asked.clear();
    return code;
  }

  /** Asks for the rooms that wait. They go on waiting while nothing can be sent. */
  #ask() {
    this.#gathering = null;
    if (!this.open) return;
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (let i = 0; i < all.length; i += askMax) {
      const some = all.slice(i, i + askMax);
      const id = `rooms-${++this.#frames}`;
      this.#asked.set(id, some);
      this.#link.send({ type: 'subscribe', rooms: some.map(({ trip, asked }) => ({ id: trip, ...asked })), client_id: id });
    }
  }

  /** A frame that asks for rooms is answered, or nothing of it is done. */
  #answered({ type, code, client_id: id }) {
    const some = this.#asked.get(id);
    if (!some) return false;
    this.#asked.delete(id);
    if (type === 'error') for (const subscription of some) this.#drop(subscription, code === 'too_many_rooms' ? closeTooManyRooms : 1013);
    return true;
  }

  /** Ends a subscription that the server does not have. */
  #drop(subscription, code) {
    for (const [id, other] of this.#rooms) if (other === subscription) this.#rooms.delete(id);
    subscription?.end(code);
  }

  #take(frame) {
    this.#fresh = false; // this token is accepted
    if (frame.type === 'token_expiring') return this.#renew();
    if ((frame.type === 'ack' || frame.type === 'error') && this.#answered(frame)) return this.#begin();
    const id = frame.chat_room_id ?? frame.message?.chat_room_id;
    const subscription = this.#rooms.get(frame.trip_id) ?? this.#rooms.get(id);
    if (subscription && frame.type === 'message_history') this.#rooms.set(id, subscription);
    if (frame.type === 'left') this.#drop(subscription, frame.code);
    else subscription?.take(frame);
    this.#begin();
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
  }

  #begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.dispatchEvent(new CustomEvent('open'));
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
