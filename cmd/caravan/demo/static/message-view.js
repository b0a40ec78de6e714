// One message on the page. All text goes in as text nodes, never as markup.

import { composes } from './composing.js';
import { drawFiles, textOf } from './message-files.js';
import { markFound, textNodes } from './message-text.js';
import { lengthOf, sayLength } from './text-length.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** A message as people name its sender. */
export function nameOf(sender) {
  return sender.full_name || sender.username || sender.email;
}

/** Two emoji are the same one whether they ask for their coloured form or not. */
export const emojiKey = (emoji) => emoji.replaceAll('\uFE0F', '');

/**
 * MessageView shows an item of a MessageLog: a message, or an entry of the outbox until it has become one. Events are
 * those of its element: 'reply', 'edit', 'more', 'replies', 'quote', 'retry', 'back' and 'discard' bubble as CustomEvents
 * whose detail is the view, 'chip' with {view, emoji, on}, 'who' with the view, and 'renew' with {view, then} where links
 * of files are over.
 */
export class MessageView {
  /** What is shown: see MessageLog. */
  item;
  /** What it was drawn from, beside its message, as a text. */
  drawnFrom;

  #mine;
  #part;
  #mayEdit = false;
  #drawn = ''; // what the content was made of
  #marked = ''; // what was searched for in it

  constructor({ mine, colour }) {
    this.#mine = mine;
    this.element = document.querySelector('#message-template').content.firstElementChild.cloneNode(true);
    this.element.classList.add(colour);
    this.element.classList.toggle('mine', mine);
    this.#part = (selector) => this.element.querySelector(selector);
    this.article = this.#part('.message');
    for (const name of ['reply', 'edit', 'more', 'replies', 'quote', 'retry', 'back', 'discard']) {
      this.#part(`.${name}`).addEventListener('click', () => this.ask(name));
    }
    this.#part('.files').addEventListener('expired', ({ detail }) => this.#tell('renew', { view: this, then: detail.then }));
  }

  /** Of the room; undefined while it is not stored. */
  get message() {
    return this.item.message;
  }

  /** Of the outbox: the message itself, or an edit of it; undefined: neither. */
  get entry() {
    return this.item.entry;
  }

  get editable() {
    return this.#mayEdit && this.#mine && !this.entry && (this.message?.message_type === 'text' || this.message?.attachments?.length) && !this.gone;
  }

  /** Whether nothing is left of it but its place. */
  get gone() {
    return Boolean(this.message?.deleted_at);
  }

  /** What stands there: what is being written goes before what is stored. */
  get text() {
    return this.entry?.frame.content ?? textOf(this.message);
  }

  ask(name) {
    this.#tell(name, this);
  }

  /**
   * Draws what it is now. The caller looks up the sender, the message quoted, whom it mentions, the keys of the emoji that the
   * user has chosen, the files, what they may do, who has read it, and what is searched for.
   */
  draw({ name, quoted, mentions, addressed, chosen, files, may, readers, found }) {
    const { message, entry, item } = this;
    const type = message?.message_type ?? 'text';
    const time = clock.format(item.at);
    this.#mayEdit = may.edit;
    const marks = {
      deleted: this.gone, addressed, system: type === 'system', file: type === 'file' && !message?.attachments,
      pending: entry?.status === 'pending', failed: entry?.status === 'failed', read: Boolean(readers),
    };
    for (const [mark, on] of Object.entries(marks)) this.element.classList.toggle(mark, on);
    this.article.setAttribute('aria-label', `${this.#mine ? 'You' : name}, ${time}`);
    this.#part('.sender').textContent = this.#mine ? 'You' : name;
    this.#drawContent(mentions, this.gone ? '' : found);
    this.#part('.content').hidden = this.editing || (files.length > 0 && !this.text);
    drawFiles(this.#part('.files'), this.gone ? [] : files);
    this.#part('.pinned').hidden = !message?.pinned_at;
    this.#part('.edited').hidden = !message?.is_edited;
    this.#part('time').dateTime = item.at.toISOString();
    this.#part('time').title = moment.format(item.at);
    this.#part('time').textContent = time;
    this.#part('.delivery-text').textContent = this.#delivery();
    this.#part('.readers').textContent = entry ? '' : readers;
    this.#part('.delivery').title = this.#delivery() || readers;
    this.#part('.reply').hidden = !message || this.gone || !may.send;
    this.#part('.more').hidden = !message || this.gone || !may.more;
    this.#drawExtras(chosen, may.react);
    this.#part('.edit').hidden = !this.editable;
    this.#part('.quote').hidden = !quoted;
    this.#part('.quote-sender').textContent = quoted?.name ?? '';
    this.#part('.quote-text').textContent = quoted?.content ?? '';
    this.#part('.failure').hidden = entry?.status !== 'failed';
    this.#part('.failure p').textContent = entry?.error ?? '';
  }

  /** Draws what depends on what stands before it: the day, where the unread begins, and whether a sender goes on. */
  follow({ day, unread, grouped }) {
    this.#part('.day').hidden = !day;
    this.#part('.day').textContent = day;
    this.#part('.unread').hidden = !unread;
    this.element.classList.toggle('grouped', grouped);
  }

  /** Who has the text selected keeps it: it is made anew only where it has changed. */
  #drawContent(mentions, found) {
    const drawn = JSON.stringify([this.text, mentions]);
    const same = drawn === this.#drawn;
    if (!same) this.#part('.content').replaceChildren(...textNodes(this.text, { mentions }));
    if (found !== this.#marked || (!same && found)) markFound(this.#part('.content'), found);
    this.#drawn = drawn;
    this.#marked = found;
  }

  /** Gives its files new links. */
  renewFiles(attachments) {
    drawFiles(this.#part('.files'), attachments);
  }

  #drawExtras(chosen, mayReact) {
    const { reactions = [], reply_count: replies = 0 } = this.message ?? {};
    const chips = reactions.map(({ emoji, count }) => {
      const on = chosen.has(emojiKey(emoji));
      const chip = document.createElement('button');
      chip.type = 'button';
      chip.className = 'chip';
      chip.disabled = !mayReact;
      chip.setAttribute('aria-pressed', on);
      chip.append(Object.assign(document.createElement('span'), { textContent: `${emoji} ${count}` }));
      chip.addEventListener('click', () => this.#tell('chip', { view: this, emoji, on: !on }));
      return chip;
    });
    if (chips.length) {
      const who = Object.assign(document.createElement('button'), { type: 'button', className: 'who-reacted' });
      who.append(Object.assign(document.createElement('span'), { textContent: 'Who?' }));
      who.addEventListener('click', () => this.ask('who'));
      chips.push(who);
    }
    const all = this.#part('.reactions');
    const focused = [...all.children].indexOf(document.activeElement);
    all.replaceChildren(...chips);
    all.children[focused]?.focus({ preventScroll: true });
    this.#part('.replies').hidden = !replies;
    this.#part('.replies').textContent = replies === 1 ? '1 reply' : `${replies < 1000 ? replies : '999+'} replies`;
    this.#part('.extras').hidden = !chips.length && !replies;
  }

  #tell(name, detail) {
    this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  /**
   * Replaces the content by a form.
   * @param save (content) => whether it is taken; else the form stays as it is
   * @param leave is called when the form closes
   * @param keep (content) is told what is being written; (undefined): nothing any more
   * @param text what stands in it at first; the message's own where it is left out
   * @param limit the most characters; what is longer cannot be saved
   */
  openEditor({ save, leave, keep, text = textOf(this.message), limit }) {
    const form = document.querySelector('#editor-template').content.firstElementChild.cloneNode(true);
    const area = form.querySelector('textarea');
    const content = this.#part('.content');
    const close = () => {
      if (!form.parentElement) return;
      keep(undefined);
      form.remove();
      content.hidden = Boolean(this.message.attachments) && !this.text;
      leave();
    };
    const length = form.querySelector('.length');
    const count = () => {
      const said = sayLength(lengthOf(area.value), limit);
      length.textContent = said.text;
      length.classList.toggle('over', said.over);
      form.classList.toggle('too-long', said.over);
      return !said.over;
    };
    const submit = () => count() && save(area.value) && close();
    area.value = text;
    area.addEventListener('input', () => {
      count();
      keep(area.value);
    });
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      submit();
    });
    form.querySelector('.cancel').addEventListener('click', () => close());
    form.addEventListener('keydown', (e) => {
      e.stopPropagation(); // the log's own keys
      if (composes(e)) return;
      if (e.key === 'Escape') close();
      if (e.key === 'Enter' && e.target === area && !e.shiftKey) {
        e.preventDefault();
        submit();
      }
    });
    content.hidden = true;
    content.after(form);
    count();
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  get editing() {
    return this.#part('.editor') !== null;
  }

  #delivery() {
    if (!this.#mine) return '';
    if (this.entry?.status === 'failed') return 'Not sent';
    if (this.entry) return this.message ? 'Saving…' : 'Sending…';
    return '';
  }
}
