// Search in the messages that are loaded, with a bar over them.

import { TextSearch } from './search-text.js';

/**
 * SearchBar fills an element, which is hidden while nothing is searched for.
 *
 * It asks its owner for `messages()`, the array of what is loaded, for `complete()`, whether that is all, for `older()`,
 * which loads more, for `room()`, what these are of, for `begun()`, whether that has told what it holds, and for
 * `jumpTo(id)`; `mark(query)` is told what is to be marked, and '' at the end.
 */
export class SearchBar {
  #slot;
  #from;
  #search = new TextSearch();
  #found = [];
  #current; // the id of the message that was jumped to
  #back; // what had the focus before
  #input;
  #count;
  #about;
  #more;
  #steps;
  #full; // the room of which no more can be held

  constructor(slot, from) {
    this.#slot = slot;
    this.#from = from;
    slot.hidden = true;
    this.#fill();
  }

  get open() {
    return !this.#slot.hidden;
  }

  show() {
    if (!this.open) this.#back = document.activeElement;
    this.#slot.hidden = false;
    this.#full = undefined;
    this.#input.focus();
    this.#input.select();
    this.refresh();
  }

  close() {
    if (!this.open) return;
    this.#slot.hidden = true;
    this.#current = undefined;
    this.#from.mark('');
    if (this.#back?.isConnected) this.#back.focus();
  }

  /** Searches anew: the messages, or what is wanted, have changed. */
  refresh() {
    if (!this.open) return;
    const query = this.#input.value;
    this.#found = this.#search.find(this.#from.messages(), query);
    if (!this.#found.some((m) => m.id === this.#current)) this.#current = undefined;
    this.#from.mark(query.trim());
    this.#say();
  }

  #say() {
    const { length } = this.#from.messages();
    const at = this.#found.findIndex((m) => m.id === this.#current);
    const n = this.#found.length;
    const counted = n === 1 ? '1 message' : `${n} messages`;
    this.#count.textContent = !this.#input.value.trim() ? '' : at < 0 ? (n ? counted : 'Nothing found') : `${n - at} of ${n}`;
    for (const step of this.#steps) step.disabled = !n;
    const begun = this.#from.begun();
    const complete = begun && this.#from.complete();
    const full = this.#full === this.#from.room();
    this.#about.textContent = complete ? 'All messages are searched.' : `Only the ${length} messages that are loaded are searched${full ? ', and no more can be loaded' : ''}.`;
    this.#more.hidden = !begun || complete || full;
  }

  /** To the one before (older) or after; the first step leads to the newest. */
  async #step(by) {
    const n = this.#found.length;
    if (!n) return;
    const at = this.#found.findIndex((m) => m.id === this.#current);
    const next = this.#found[at < 0 ? n - 1 : (at + by + n) % n];
    this.#current = next.id;
    this.#say();
    const room = this.#from.room();
    await this.#from.jumpTo(next.id);
    if (room !== this.#from.room() || !this.open) return;
    this.#from.mark(this.#input.value.trim());
    this.#input.focus({ preventScroll: true });
  }

  async #loadMore() {
    const room = this.#from.room();
    const left = () => room !== this.#from.room() || !this.open;
    this.#more.disabled = true;
    try {
      const page = await this.#from.older();
      if (left()) return;
      if (!page.length && !this.#from.complete()) this.#full = room; // as many as may be are held
    } catch {
      if (!left()) this.#about.textContent = 'Earlier messages could not be loaded. Please try again.';
      return;
    } finally {
      this.#more.disabled = false;
    }
    this.refresh();
    if (this.#more.hidden) this.#input.focus();
  }

  #fill() {
    const form = made('form', { className: 'search' });
    form.setAttribute('role', 'search');
    this.#input = made('input', { type: 'search', placeholder: 'Search in this room', autocomplete: 'off', enterKeyHint: 'search', dir: 'auto' });
    this.#input.setAttribute('aria-label', 'Search in this room');
    this.#count = made('output', { className: 'search-count' });
    this.#about = made('span', {});
    this.#more = made('button', { type: 'button', className: 'search-more', textContent: 'Load more' });
    const older = icon('Older match', 'M6 15l6-6 6 6');
    const newer = icon('Newer match', 'M6 9l6 6 6-6');
    const close = icon('Close the search', 'M6 6l12 12M18 6L6 18');
    this.#steps = [older, newer];
    form.append(this.#input, this.#count, older, newer, close, made('p', { className: 'search-about' }, this.#about, ' ', this.#more));
    this.#slot.replaceChildren(form);
    this.#input.addEventListener('input', () => this.refresh());
    form.addEventListener('submit', (e) => e.preventDefault());
    form.addEventListener('keydown', (e) => this.#key(e));
    older.addEventListener('click', () => this.#step(-1));
    newer.addEventListener('click', () => this.#step(1));
    close.addEventListener('click', () => this.close());
    this.#more.addEventListener('click', () => this.#loadMore());
  }

  #key(e) {
    if (e.isComposing) return;
    if (e.key === 'Escape') {
      e.preventDefault();
      this.close();
    } else if (e.key === 'Enter' && e.target === this.#input) {
      e.preventDefault();
      this.#step(e.shiftKey ? 1 : -1);
    }
  }
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function icon(label, path) {
  const button = made('button', { type: 'button', className: 'icon' });
  button.setAttribute('aria-label', label);
  button.title = label;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  line.setAttribute('d', path);
  svg.append(line);
  button.append(svg);
  return button;
}
