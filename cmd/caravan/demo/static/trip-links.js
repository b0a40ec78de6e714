// The trips of a user, with what is unread in each.

/**
 * TripLinks fills an element with a link to each trip, where there are several. Those that the page
 * knows are there from the start: what is below them does not move when the rooms are told.
 */
export class TripLinks {
  #element;
  #current;
  #addressOf;

  /**
   * @param trips {id, title} of the trips that the page knows
   * @param addressOf (trip: id) => the address of the page that shows it
   */
  constructor(element, { rooms, trips, current, addressOf }) {
    this.#element = element;
    this.#current = current;
    this.#addressOf = addressOf;
    element.setAttribute('aria-label', 'Trips');
    this.#draw(trips.map(({ id, title }) => ({ tripId: id, title })));
    rooms.on('rooms', (list) => this.#draw(list));
  }

  #draw(list) {
    this.#element.hidden = list.length < 2;
    const inOrder = [...list].sort((a, b) => a.title.localeCompare(b.title));
    for (const [i, room] of inOrder.entries()) {
      const link = this.#element.children[i] ?? this.#element.appendChild(document.createElement('a'));
      this.#drawLink(link, room);
    }
    while (this.#element.children.length > list.length) this.#element.lastElementChild.remove();
  }

  #drawLink(link, { tripId: trip, title, unread, mentions }) {
    link.href = this.#addressOf(trip);
    const name = Object.assign(document.createElement('bdi'), { className: 'trip-name', textContent: title });
    const parts = [name];
    if (mentions) parts.push(badge('at', `@${full(mentions)}`, mentions === 1 ? 'mention' : 'mentions'));
    if (unread) parts.push(badge('count', full(unread), 'unread'));
    link.replaceChildren(...parts);
    if (trip === this.#current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

const full = (n) => (n >= 100 ? '99+' : String(n));

function badge(className, text, unit) {
  const element = Object.assign(document.createElement('span'), { className, textContent: text });
  element.append(Object.assign(document.createElement('span'), { className: 'unseen', textContent: ` ${unit}` }));
  return element;
}
