// One message on the page. All text goes in as text nodes, never as markup.

import { emojiKey } from './caravan-own.js';
import { drawFiles, textOf } from './message-files.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const groupWithin = 5 * 60_000; // ms between messages of one sender that stand together

/** A message as people name its sender. */
export function nameOf(sender) {
  return sender.full_name || sender.username || sender.email;
}

/**
 * MessageView shows a message, or an entry of the outbox until it has become
 * one. Events are those of its element: 'reply', 'edit', 'more', 'replies', 'quote', 'retry' and
 * 'discard' bubble as CustomEvents whose detail is the view, 'chip' with {view, emoji, on}, 'who' with the view,
 * and 'renew' with {view, then} where links of files are over.
 */
export class MessageView {
  /** Of the room; undefined while the message is not acknowledged. */
  message;
  /** Of the outbox: not acknowledged, or an edit under way; undefined: neither. */
  entry;

  #mine;
  #part;
  #mayEdit = false;

  constructor({ mine, colour }) {
    this.#mine = mine;
    this.element = document.querySelector('#message-template').content.firstElementChild.cloneNode(true);
    this.element.classList.add(colour);
    this.element.classList.toggle('mine', mine);
    this.#part = (selector) => this.element.querySelector(selector);
    for (const name of ['reply', 'edit', 'more', 'replies', 'quote', 'retry', 'discard']) {
      this.#part(`.${name}`).addEventListener('click', () => this.ask(name));
    }
    this.#part('.files').addEventListener('expired', ({ detail }) => this.#tell('renew', { view: this, then: detail.then }));
  }

  get article() {
    return this.#part('.message');
  }

  get order() {
    return this.message?.seq ?? Infinity;
  }

  get at() {
    return this.message ? new Date(this.message.created_at) : this.entry.createdAt;
  }

  get editable() {
    return this.#mayEdit && this.#mine && !this.entry && (this.message?.message_type === 'text' || this.message?.attachments?.length) && !this.gone;
  }

  /** Whether nothing is left of it but its place. */
  get gone() {
    return Boolean(this.message?.deleted_at);
  }

  ask(name) {
    this.#tell(name, this);
  }

  /**
   * Draws what it is now. The caller looks up the sender, the message quoted, the names that may be
   * addressed, the keys of the emoji that the user has chosen, what they may do, and who has read it.
   */
  draw({ name, quoted, names, addressed, chosen, may, readers }) {
    const { message, entry } = this;
    const type = message?.message_type ?? 'text';
    const time = clock.format(this.at);
    this.#mayEdit = may.edit;
    this.element.classList.toggle('deleted', this.gone);
    this.element.classList.toggle('addressed', addressed);
    this.element.classList.toggle('system', type === 'system');
    this.element.classList.toggle('file', type === 'file' && !message?.attachments);
    this.element.classList.toggle('pending', entry?.status === 'pending');
    this.element.classList.toggle('failed', entry?.status === 'failed');
    this.article.setAttribute('aria-label', `${this.#mine ? 'You' : name}, ${time}`);
    this.#part('.sender').textContent = this.#mine ? 'You' : name;
    this.#part('.content').replaceChildren(...withNames(entry?.content ?? textOf(message), names));
    this.#part('.content').hidden = this.editing || (Boolean(message?.attachments ?? entry?.attachments?.length) && !(entry?.content ?? textOf(message)));
    drawFiles(this.#part('.files'), this.gone ? [] : (message?.attachments ?? entry?.attachments));
    this.#part('.pinned').hidden = !message?.pinned_at;
    this.#part('.edited').hidden = !message?.is_edited;
    this.#part('time').dateTime = this.at.toISOString();
    this.#part('time').textContent = time;
    this.#part('.delivery').textContent = this.#delivery();
    this.#part('.readers').textContent = entry ? '' : readers;
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

  /** Gives its files new links. */
  renewFiles(attachments) {
    this.message.attachments = attachments;
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
    this.#part('.reactions').replaceChildren(...chips);
    this.#part('.replies').hidden = !replies;
    this.#part('.replies').textContent = replies === 1 ? '1 reply' : `${replies < 1000 ? replies : '999+'} replies`;
    this.#part('.extras').hidden = !chips.length && !replies;
  }

  #tell(name, detail) {
    this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  /** Draws what depends on the message before it: the day, and whether a sender goes on. */
  follow(before) {
    const day = dayOf(this.at);
    const newDay = !before || dayOf(before.at) !== day;
    this.#part('.day').hidden = !newDay;
    this.#part('.day').textContent = newDay ? day : '';
    const grouped = !newDay && before.#senderId === this.#senderId && this.at - before.at < groupWithin;
    this.element.classList.toggle('grouped', grouped);
  }

  /** Replaces the content by a form. `done(content or null)` is called once. */
  openEditor(done) {
    const form = document.querySelector('#editor-template').content.firstElementChild.cloneNode(true);
    const area = form.querySelector('textarea');
    const content = this.#part('.content');
    const close = (text) => {
      if (!form.isConnected) return;
      content.hidden = Boolean(this.message.attachments) && !textOf(this.message);
      form.remove();
      done(text);
    };
    area.value = textOf(this.message);
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      close(area.value);
    });
    form.querySelector('.cancel').addEventListener('click', () => close(null));
    form.addEventListener('keydown', (e) => {
      e.stopPropagation(); // the log's own keys
      if (e.key === 'Escape') close(null);
      if (e.key === 'Enter' && e.target === area && !e.shiftKey && !e.isComposing) {
        e.preventDefault();
        close(area.value);
      }
    });
    content.hidden = true;
    content.after(form);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  get editing() {
    return this.#part('.editor') !== null;
  }

  get #senderId() {
    if (this.message?.message_type === 'system') return 'system';
    return this.#mine ? 'mine' : this.message.sender.id;
  }

  #delivery() {
    if (!this.#mine) return '';
    if (this.entry?.status === 'failed') return 'Not sent';
    if (this.entry?.tries) return 'Trying again…';
    if (this.entry) return this.message ? 'Saving…' : 'Sending…';
    return '';
  }
}

/** A text as nodes, in which the names that it addresses stand out. */
function withNames(text, names) {
  if (!names.length) return [document.createTextNode(text)];
  const escaped = names.map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return text.split(new RegExp(`(@(?:${escaped.join('|')})(?![\\p{L}\\p{N}]))`, 'iu')).map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    return Object.assign(document.createElement('span'), { className: 'mention', textContent: part });
  });
}

function dayOf(date) {
  const now = new Date();
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', year });
}
