// The trips of a user: what was said last in each, and what is unread.

import { summaryOf } from './message-files.js';
import { nameOf } from './message-view.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/**
 * RoomList fills an element with a link to each trip, the one with the latest message in front. Those that the page knows
 * are there from the start. It is an EventTarget: 'open' {id}, the trip's, where one is chosen that is to be opened here.
 */
export class RoomList extends EventTarget {
  #element;
  #user;
  #trips;
  #addressOf;
  #current;
  #list;
  #links = new Map(); // trip id → element
  #drawn = new Map(); // trip id → what it shows, as a text
  #failed = new Map(); // trip id → how many messages were refused

  /**
   * @param trips {id, title} of the trips that the page knows
   * @param addressOf (trip: id) => the address of the page that shows it
   */
  constructor(element, { rooms, user, trips, addressOf }) {
    super();
    this.#element = element;
    this.#user = user;
    this.#trips = trips;
    this.#addressOf = addressOf;
    this.#list = trips.map(({ id, title }) => ({ tripId: id, title }));
    rooms.on('rooms', (list) => {
      if (rooms.loaded) this.#list = list;
      this.#draw();
    });
    element.addEventListener('click', (e) => this.#choose(e));
  }

  /** The trip that is open. */
  set current(id) {
    this.#current = id;
    this.#draw();
  }

  /** So many messages of the user were refused in a trip. */
  markFailed(id, n) {
    if (n === (this.#failed.get(id) ?? 0)) return;
    this.#failed.set(id, n);
    this.#draw();
  }

  titleOf(id) {
    return this.#list.find((room) => room.tripId === id)?.title ?? this.#trips.find((trip) => trip.id === id)?.title ?? '';
  }

  /** What is unread in the trips that are not open. */
  get elsewhere() {
    return this.#list.reduce((sum, { tripId, unread = 0 }) => sum + (tripId === this.#current ? 0 : unread), 0);
  }

  #choose(e) {
    const link = e.target.closest('a');
    if (!link || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return; // the browser opens it elsewhere
    e.preventDefault();
    this.dispatchEvent(new CustomEvent('open', { detail: { id: link.dataset.trip } }));
  }

  /** Who has the focus on a link keeps it: links move, and are not made anew. */
  #draw() {
    const seen = new Set(this.#list.map((room) => room.tripId));
    for (const [id, link] of this.#links) {
      if (seen.has(id)) continue;
      link.remove();
      this.#links.delete(id);
      this.#drawn.delete(id);
    }
    let next = this.#element.firstElementChild;
    for (const room of this.#list) {
      const link = this.#linkOf(room.tripId);
      this.#drawLink(link, room);
      if (link === next) next = next.nextElementSibling;
      else this.#element.insertBefore(link, next);
    }
  }

  #linkOf(id) {
    let link = this.#links.get(id);
    if (link) return link;
    link = document.querySelector('#room-template').content.firstElementChild.cloneNode(true);
    link.href = this.#addressOf(id);
    link.dataset.trip = id;
    this.#links.set(id, link);
    return link;
  }

  #drawLink(link, { tripId, title, unread = 0, mentions = 0, lastMessage }) {
    const failed = this.#failed.get(tripId) ?? 0;
    const drawn = JSON.stringify([title, failed, unread, mentions, lastMessage?.id, lastMessage?.rev, tripId === this.#current, new Date().toDateString()]);
    if (drawn === this.#drawn.get(tripId)) return;
    this.#drawn.set(tripId, drawn);
    const set = (part, text) => {
      const element = link.querySelector(part);
      element.textContent = text;
      return element;
    };
    set('.room-badge', Array.from(title)[0] ?? '');
    set('.room-name', title);
    const at = lastMessage && new Date(lastMessage.created_at);
    const today = at?.toDateString() === new Date().toDateString();
    const time = set('.room-time', at ? (today ? clock : day).format(at) : '');
    Object.assign(time, { dateTime: at?.toISOString() ?? '', title: at ? moment.format(at) : '' });
    set('.room-last', lastMessage ? this.#short(lastMessage) : '');
    link.querySelector('.room-counts').replaceChildren(
      ...(failed ? [badge('refused', `! ${full(failed)}`, 'not sent')] : []),
      ...(mentions ? [badge('at', `@${full(mentions)}`, mentions === 1 ? 'mention' : 'mentions')] : []),
      ...(unread ? [badge('count', full(unread), 'unread')] : []),
    );
    link.classList.toggle('fresh', unread > 0);
    if (tripId === this.#current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }

  #short(message) {
    const who = message.sender.id === this.#user.id ? 'You' : nameOf(message.sender).split(' ')[0];
    return `${who}: ${summaryOf(message)}`;
  }
}

export const full = (n) => (n >= 100 ? '99+' : String(n));

/** A number in a coloured mark, with its unit for who hears it. */
export function badge(className, text, unit) {
  const element = Object.assign(document.createElement('span'), { className, textContent: text });
  element.append(Object.assign(document.createElement('span'), { className: 'unseen', textContent: ` ${unit}` }));
  return element;
}
