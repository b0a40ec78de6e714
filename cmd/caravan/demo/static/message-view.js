// One message on the page. All text goes in as text nodes, never as markup.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const groupWithin = 5 * 60_000; // ms between messages of one sender that stand together

/** A message as people name its sender. */
export function nameOf(sender) {
  return sender.full_name || sender.username || sender.email;
}

/**
 * MessageView shows a message, or an entry of the outbox until it has become
 * one. Events are those of its element: 'reply', 'edit', 'quote', 'retry' and
 * 'discard' bubble as CustomEvents whose detail is the view.
 */
export class MessageView {
  /** Of the room; undefined while the message is not acknowledged. */
  message;
  /** Of the outbox: not acknowledged, or an edit under way; undefined: neither. */
  entry;

  #mine;
  #part;

  constructor({ mine, colour }) {
    this.#mine = mine;
    this.element = document.querySelector('#message-template').content.firstElementChild.cloneNode(true);
    this.element.classList.add(colour);
    this.element.classList.toggle('mine', mine);
    this.#part = (selector) => this.element.querySelector(selector);
    for (const name of ['reply', 'edit', 'quote', 'retry', 'discard']) {
      this.#part(`.${name}`).addEventListener('click', () => this.ask(name));
    }
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
    return this.#mine && !this.entry && this.message?.message_type === 'text';
  }

  ask(name) {
    this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail: this }));
  }

  /** Draws what it is now. The sender and the message quoted are looked up by the caller. */
  draw({ name, quoted }) {
    const { message, entry } = this;
    const type = message?.message_type ?? 'text';
    const time = clock.format(this.at);
    this.element.classList.toggle('system', type === 'system');
    this.element.classList.toggle('file', type === 'file');
    this.element.classList.toggle('pending', entry?.status === 'pending');
    this.element.classList.toggle('failed', entry?.status === 'failed');
    this.article.setAttribute('aria-label', `${this.#mine ? 'You' : name}, ${time}`);
    this.#part('.sender').textContent = this.#mine ? 'You' : name;
    this.#part('.content').textContent = entry?.content ?? message.content;
    this.#part('.edited').hidden = !message?.is_edited;
    this.#part('time').dateTime = this.at.toISOString();
    this.#part('time').textContent = time;
    this.#part('.delivery').textContent = this.#delivery();
    this.#part('.reply').hidden = !message;
    this.#part('.edit').hidden = !this.editable;
    this.#part('.quote').hidden = !quoted;
    this.#part('.quote-sender').textContent = quoted?.name ?? '';
    this.#part('.quote-text').textContent = quoted?.content ?? '';
    this.#part('.failure').hidden = entry?.status !== 'failed';
    this.#part('.failure p').textContent = entry?.error ?? '';
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
      content.hidden = false;
      form.remove();
      done(text);
    };
    area.value = this.message.content;
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

function dayOf(date) {
  const now = new Date();
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', year });
}
