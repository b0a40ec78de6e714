// The messages of a pane: their order, their scrolling and their keyboard.

import { MessageView, nameOf } from './message-view.js';

const nearEnd = 80; // px from the newest message that still count as being there

/**
 * MessageLog keeps one view per message, ordered by `seq`, with what the outbox
 * holds at the end. One message at a time is in the tab order; the arrow keys,
 * Home and End move to others.
 */
export class MessageLog {
  #client;
  #user;
  #colourOf;
  #nameByEmail;
  #scroller;
  #log;
  #latest;
  #views = new Map(); // by message id, and by client id until there is one
  #byElement = new Map();
  #current = null; // the view in the tab order

  constructor(root, { client, user, colourOf, nameByEmail }) {
    this.#client = client;
    this.#user = user;
    this.#colourOf = colourOf;
    this.#nameByEmail = nameByEmail;
    this.#scroller = root.querySelector('.scroller');
    this.#log = root.querySelector('.log');
    this.#latest = root.querySelector('.latest');
    this.#log.addEventListener('keydown', (e) => this.#key(e));
    this.#log.addEventListener('focusin', (e) => this.#makeCurrent(this.#viewOf(e.target)));
    this.#log.addEventListener('quote', (e) => this.jumpTo(e.detail.message.reply_to.id));
    this.#latest.addEventListener('click', () => this.scrollToEnd());
    this.#scroller.addEventListener('scroll', () => this.atEnd && (this.#latest.hidden = true));
    new ResizeObserver(() => this.#pinned && this.scrollToEnd()).observe(this.#scroller);
    this.#scroller.addEventListener('scroll', () => (this.#pinned = this.atEnd));
  }

  #pinned = true; // the newest message stays in sight when the pane changes its size

  get atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < nearEnd;
  }

  get empty() {
    return this.#views.size === 0;
  }

  scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#latest.hidden = true;
    this.#pinned = true;
  }

  /** Shows messages that were made or changed. */
  show(messages, cause) {
    const stay = cause !== 'older' && this.#pinned;
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    this.#log.setAttribute('aria-busy', cause !== 'live'); // only news is announced
    if (cause === 'history') this.#clear();
    let others = false;
    for (const m of messages) {
      others ||= m.sender.id !== this.#user.id && !this.#views.has(m.id);
      this.#showMessage(m);
    }
    if (cause === 'older') this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
    if (stay) this.scrollToEnd();
    else if (others && cause === 'live') this.#latest.hidden = false;
    requestAnimationFrame(() => this.#log.removeAttribute('aria-busy'));
  }

  /** Shows an entry of the outbox; with message it has just become that. */
  showEntry(entry, message) {
    const key = entry.messageId ?? entry.clientId;
    const view = this.#views.get(key) ?? this.#add(key, new MessageView({ mine: true, colour: this.#colourOf(this.#user.id) }));
    if (message) {
      view.entry = undefined;
      this.#views.delete(key);
      this.#views.set(message.id, view);
      this.#showMessage(message);
      return;
    }
    const fresh = !view.entry;
    view.entry = entry;
    this.#place(view);
    this.#draw(view);
    if (fresh && !entry.messageId) this.scrollToEnd();
  }

  /** Forgets what a discarded entry showed. */
  dropEntry(entry) {
    const view = this.#views.get(entry.messageId ?? entry.clientId);
    if (!view) return;
    view.entry = undefined;
    if (view.message) this.#draw(view);
    else this.#remove(view, entry.clientId);
  }

  /** The newest own message that can be edited, or undefined. */
  lastEditable() {
    const message = this.#client.timeline.newest((m) => this.#views.get(m.id)?.editable);
    return message && this.#views.get(message.id);
  }

  /** Brings a message into sight and focus, loading older ones until it is there. */
  async jumpTo(id) {
    const { timeline } = this.#client;
    try {
      while (!timeline.get(id) && !timeline.complete) await this.#client.loadOlder();
    } catch {
      return; // not reachable now; the pane shows the connection's state
    }
    const view = this.#views.get(id);
    if (!view) return;
    view.article.scrollIntoView({ block: 'center' });
    view.article.focus({ preventScroll: true });
    view.element.classList.remove('found');
    requestAnimationFrame(() => view.element.classList.add('found'));
  }

  focusCurrent() {
    this.#current?.article.focus();
  }

  #showMessage(message) {
    const mine = message.sender.id === this.#user.id;
    const view =
      this.#views.get(message.id) ??
      this.#add(message.id, new MessageView({ mine, colour: this.#colourOf(message.sender.id) }));
    view.message = message;
    this.#place(view);
    this.#draw(view);
  }

  #draw(view) {
    const { message, entry } = view;
    const sender = message?.sender ?? { full_name: this.#user.name };
    view.draw({ name: nameOf(sender), quoted: this.#quoted(message?.reply_to, entry?.replyTo) });
  }

  /** What a reply quotes: the server's short form, or our own message list until it comes. */
  #quoted(reply, replyTo) {
    if (reply) return { name: this.#nameByEmail(reply.sender_email), content: reply.content };
    const original = replyTo && this.#client.timeline.get(replyTo);
    if (!original) return undefined;
    return { name: nameOf(original.sender), content: Array.from(original.content).slice(0, 100).join('') };
  }

  #add(key, view) {
    this.#views.set(key, view);
    this.#byElement.set(view.element, view);
    return view;
  }

  /** Puts a view where its number says; nearly always that is where it is, or the end. */
  #place(view) {
    const { element } = view;
    let before = this.#log.lastElementChild;
    while (before && (before === element || this.#byElement.get(before).order > view.order)) {
      before = before.previousElementSibling;
    }
    if (view.order === Infinity && element.parentElement) before = element.previousElementSibling;
    const next = before ? before.nextElementSibling : this.#log.firstElementChild;
    if (next !== element) this.#log.insertBefore(element, next);
    view.follow(this.#byElement.get(element.previousElementSibling));
    this.#byElement.get(element.nextElementSibling)?.follow(view);
    if (!this.#current || !element.nextElementSibling) this.#makeCurrent(view);
  }

  #remove(view, key) {
    const next = this.#byElement.get(view.element.nextElementSibling);
    const before = this.#byElement.get(view.element.previousElementSibling);
    view.element.remove();
    this.#views.delete(key);
    this.#byElement.delete(view.element);
    next?.follow(before);
    if (this.#current === view) this.#makeCurrent(next ?? before);
  }

  /** All messages go; what only the outbox knows stays. */
  #clear() {
    for (const [key, view] of [...this.#views]) {
      if (view.message) this.#remove(view, key);
    }
  }

  #viewOf(element) {
    return this.#byElement.get(element.closest('.entry'));
  }

  #makeCurrent(view) {
    if (this.#current === view) return;
    this.#setTabbable(this.#current, -1);
    this.#current = view ?? null;
    this.#setTabbable(view, 0);
  }

  #setTabbable(view, tabIndex) {
    if (!view) return;
    view.article.tabIndex = tabIndex;
    view.article.querySelector('.quote').tabIndex = tabIndex;
  }

  #key(e) {
    if (!e.target.matches('.message')) return;
    const view = this.#viewOf(e.target);
    const to = {
      ArrowUp: view.element.previousElementSibling,
      ArrowDown: view.element.nextElementSibling,
      Home: this.#log.firstElementChild,
      End: this.#log.lastElementChild,
    }[e.key];
    if (to) {
      e.preventDefault();
      this.#byElement.get(to).article.focus();
    } else if (e.key === 'Enter' && view.message) {
      e.preventDefault();
      view.ask('reply');
    }
  }
}
