// Names to choose from while an @ is written: a combobox, as the ARIA Authoring Practices describe it.

import { composes } from './composing.js';
import { fold } from './fold.js';
import { everybody, matching, mentionsOf, queryAt } from './mention-text.js';

const shownMax = 30;

/** MentionPicker belongs to a text area. Its owner passes it the keys first. */
export class MentionPicker {
  #area;
  #list;
  #members;
  #me;
  #mayAll;
  #say;
  #chosen = []; // {id, name}, in their order
  #options = []; // members that are offered
  #at = 0; // of the active one
  #query; // {start, query}, while it is open
  #closed; // {start, query} of the @ behind which no list is wanted, while its text goes on as it was

  /**
   * @param list the element that becomes the list
   * @param me the user's id: nobody mentions themselves
   * @param say (text) for screen readers
   */
  constructor(area, list, { me, mayAll, say }) {
    this.#area = area;
    this.#list = list;
    this.#me = me;
    this.#mayAll = mayAll;
    this.#say = say;
    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-label', 'Whom to mention');
    list.addEventListener('pointerdown', (e) => e.preventDefault()); // the text keeps the focus
    list.addEventListener('click', (e) => this.#take([...list.children].indexOf(e.target.closest('li'))));
    area.addEventListener('input', () => this.#look());
    area.addEventListener('input', () => area.value.includes('@') && this.#members.list()); // a name may come as a whole, or be gone past
    area.addEventListener('click', () => this.#look());
    area.addEventListener('keyup', (e) => /^(Arrow(Left|Right)|Home|End)$/.test(e.key) && this.#look());
    area.addEventListener('blur', () => this.close());
  }

  /** A Members: who may be mentioned. */
  set members(members) {
    this.#members = members;
  }

  get open() {
    return !this.#list.hidden;
  }

  /** Those who were chosen; they are mentioned while their names are in the text. */
  get chosen() {
    return this.#chosen;
  }

  set chosen(list) {
    this.#chosen = [...list];
    this.#closed = undefined;
    this.close();
  }

  /** Whom a text mentions: {mentions, mentionsAll}. */
  mentionsOf(text) {
    const members = this.#members.known.filter((m) => m.id !== this.#me);
    return mentionsOf(text, { chosen: this.#chosen, members, mayAll: this.#mayAll() });
  }

  /** Whether a key was for the list. */
  key(e) {
    if (!this.open || composes(e) || e.ctrlKey || e.metaKey || e.altKey) return false;
    const { length } = this.#options;
    if (e.key === 'ArrowDown') this.#activate((this.#at + 1) % length);
    else if (e.key === 'ArrowUp') this.#activate((this.#at + length - 1) % length);
    else if ((e.key === 'Enter' || e.key === 'Tab') && !e.shiftKey) this.#take(this.#at);
    else if (e.key === 'Escape') {
      this.#closed = this.#query;
      this.close();
    } else return false;
    e.preventDefault();
    e.stopPropagation();
    return true;
  }

  close() {
    this.#query = undefined;
    this.#list.hidden = true;
    for (const name of ['role', 'aria-haspopup', 'aria-expanded', 'aria-controls', 'aria-activedescendant', 'aria-autocomplete']) this.#area.removeAttribute(name);
  }

  async #look() {
    const here = () => (this.#area.selectionStart === this.#area.selectionEnd ? queryAt(this.#area.value, this.#area.selectionStart) : undefined);
    if (!here()) return this.close();
    const members = await this.#members.list();
    const query = here(); // while they were asked for it may have changed
    if (!query || document.activeElement !== this.#area || this.#isClosed(query)) return this.close();
    this.#closed = undefined;
    const others = members.filter((m) => m.id !== this.#me);
    this.#options = [...matching(others, query.query), ...this.#all(query.query)].slice(0, shownMax);
    if (!this.#options.length || isWhole(query.query, this.#options)) return this.close();
    this.#query = query;
    this.#show();
  }

  #isClosed({ start, query }) {
    return this.#closed?.start === start && query.startsWith(this.#closed.query);
  }

  #all(query) {
    return this.#mayAll() && everybody.startsWith(query.trim().toLowerCase()) ? [{ id: null, name: everybody, note: 'Everybody in this trip' }] : [];
  }

  #show() {
    const id = (i) => `${this.#list.id}-${i}`;
    this.#list.replaceChildren(...this.#options.map(({ name, note, username }, i) => {
      const option = Object.assign(document.createElement('li'), { id: id(i) });
      option.setAttribute('role', 'option');
      option.append(Object.assign(document.createElement('bdi'), { textContent: name }));
      const beside = note ?? (username && username !== name ? username : '');
      if (beside) option.append(' ', Object.assign(document.createElement('span'), { className: 'option-note', dir: 'auto', textContent: beside }));
      return option;
    }));
    if (!this.open) this.#say(`${this.#options.length} to mention. Arrow keys choose.`);
    this.#list.hidden = false;
    const about = { role: 'combobox', 'aria-autocomplete': 'list', 'aria-haspopup': 'listbox', 'aria-expanded': 'true', 'aria-controls': this.#list.id };
    for (const [name, value] of Object.entries(about)) this.#area.setAttribute(name, value);
    this.#activate(0);
  }

  #activate(i) {
    this.#at = i;
    for (const [n, option] of [...this.#list.children].entries()) option.setAttribute('aria-selected', n === i);
    this.#area.setAttribute('aria-activedescendant', this.#list.children[i].id);
    this.#list.children[i].scrollIntoView({ block: 'nearest' });
  }

  #take(i) {
    const option = this.#options[i];
    if (!option || !this.#query) return;
    const { start, query } = this.#query;
    this.#closed = { start, query: option.name };
    this.close();
    if (option.id) this.#chosen.push({ id: option.id, name: option.name });
    const end = start + 1 + query.length;
    const space = /^\s/u.test(this.#area.value.slice(end)) ? '' : ' ';
    putText(this.#area, `@${option.name}${space}`, start, end);
  }
}

/** Whether a whole name is written already, and no other one begins with it: then there is nothing to choose. */
function isWhole(query, options) {
  return options.length === 1 && fold(options[0].name) === fold(query.trim());
}

/** Puts a text in the place of a part of the area's, so that it can be undone. */
export function putText(area, text, start = area.selectionStart, end = area.selectionEnd) {
  area.focus();
  area.setSelectionRange(start, end);
  if (document.execCommand('insertText', false, text)) return; // what else can be undone
  area.setRangeText(text, start, end, 'end');
  area.dispatchEvent(new Event('input', { bubbles: true }));
}
