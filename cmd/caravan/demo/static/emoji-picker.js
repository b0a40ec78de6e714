// All emoji, over the page: for a text, and for reactions.

import { composes } from './composing.js';
import { groups } from './emoji-data.js';
import { recentEmoji, searchEmoji, useEmoji } from './emoji-search.js';
import { makeCurrent, rove } from './roving.js';

const gap = 4; // px between the picker and its button
const icons = { Faces: '😀', People: '👋', Nature: '🐪', Food: '🍎', Travel: '🚗', Things: '⚽', Signs: '❤️' };

/** EmojiPicker is one for a pane. It is filled when it is opened for the first time. */
export class EmojiPicker {
  #element;
  #search;
  #groups; // the element with all of them
  #found; // that of what a search has found
  #recent;
  #none;
  #choose;

  constructor(parent) {
    this.#element = element('div', 'emoji', { popover: 'auto' });
    this.#element.setAttribute('role', 'dialog');
    this.#element.setAttribute('aria-label', 'Emoji');
    parent.append(this.#element);
  }

  close() {
    if (this.#element.matches(':popover-open')) this.#element.hidePopover();
  }

  /** Opens it beside a button. `choose` is called with the character, once, when the picker has closed. */
  open(button, choose) {
    if (!this.#groups) this.#fill();
    this.#choose = choose;
    this.#search.value = '';
    this.#drawRecent();
    this.#find();
    this.#element.showPopover();
    this.#place(button.getBoundingClientRect());
    this.#groups.scrollTop = 0;
    this.#search.focus();
  }

  #fill() {
    this.#search = element('input', '', { type: 'search', placeholder: 'Search emoji', autocomplete: 'off', enterKeyHint: 'done' });
    this.#search.setAttribute('aria-label', 'Search emoji');
    this.#search.addEventListener('input', () => this.#find());
    this.#search.addEventListener('keydown', (e) => this.#key(e));
    this.#recent = group('Used last', []);
    const all = groups.map(({ name, emoji }) => group(name, emoji));
    this.#groups = element('div', 'emoji-groups', {}, this.#recent, ...all);
    this.#found = element('div', 'emoji-groups', { hidden: true });
    this.#none = element('p', 'none', { textContent: 'No emoji has such a name.', hidden: true });
    this.#none.setAttribute('role', 'status');
    const bar = element('div', 'emoji-bar', {}, ...groups.map(({ name }, i) => this.#jump(name, all[i])));
    bar.setAttribute('role', 'toolbar');
    bar.setAttribute('aria-label', 'Kinds of emoji');
    rove(bar);
    makeCurrent(bar, bar.firstElementChild);
    for (const grid of [this.#groups, this.#found]) {
      rove(grid, { leave: () => this.#search.focus() });
      grid.addEventListener('click', (e) => e.target.matches('button') && this.#take(e.target.textContent));
    }
    this.#element.append(this.#search, bar, this.#groups, this.#found, this.#none);
  }

  #jump(name, to) {
    const button = element('button', '', { type: 'button', textContent: icons[name], tabIndex: -1, title: name });
    button.setAttribute('aria-label', name);
    button.addEventListener('click', () => {
      this.#search.value = '';
      this.#find();
      to.scrollIntoView({ block: 'start' });
      to.querySelector('button').focus({ preventScroll: true });
    });
    return button;
  }

  #drawRecent() {
    const recent = recentEmoji(storage());
    this.#recent.hidden = !recent.length;
    this.#recent.lastElementChild.replaceChildren(...recent.map(button));
    makeCurrent(this.#groups, this.#groups.querySelector('div:not([hidden]) > div > button'));
  }

  #find() {
    const searches = this.#search.value.trim() !== '';
    const found = searches ? searchEmoji(this.#search.value) : [];
    this.#groups.hidden = searches;
    this.#found.hidden = !found.length;
    this.#none.hidden = !searches || found.length > 0;
    this.#found.replaceChildren(group('Found', found));
    makeCurrent(this.#found, this.#found.querySelector('button'));
  }

  #key(e) {
    if (composes(e)) return;
    const grid = this.#groups.hidden ? this.#found : this.#groups;
    const first = grid.hidden ? null : grid.querySelector('button[tabindex="0"]');
    if (e.key === 'ArrowDown' && first) {
      e.preventDefault();
      first.focus();
    } else if (e.key === 'Enter') {
      e.preventDefault();
      if (first && !this.#found.hidden) this.#take(first.textContent);
    }
  }

  #take(character) {
    useEmoji(storage(), character);
    this.#element.hidePopover();
    this.#choose?.(character);
  }

  /** Above the button, or below it where there is more room. A narrow window has it at its bottom. */
  #place(at) {
    const { offsetWidth, offsetHeight, style } = this.#element;
    const above = at.top - gap - offsetHeight >= gap;
    const left = document.dir === 'rtl' ? at.left : at.right - offsetWidth;
    style.left = `${Math.max(gap, Math.min(left, innerWidth - offsetWidth - gap))}px`;
    style.top = `${above ? at.top - gap - offsetHeight : Math.max(gap, Math.min(at.bottom + gap, innerHeight - offsetHeight - gap))}px`;
  }
}

/** The browser may forbid it, already when it is asked for. */
function storage() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function group(name, emoji) {
  const box = element('div', 'emoji-group', {}, element('p', '', { textContent: name }), element('div', 'emoji-grid', {}, ...emoji.map(button)));
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', name);
  return box;
}

function button({ character, name }) {
  const made = element('button', '', { type: 'button', textContent: character, tabIndex: -1, title: name });
  made.setAttribute('aria-label', name);
  return made;
}

function element(tag, className, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
