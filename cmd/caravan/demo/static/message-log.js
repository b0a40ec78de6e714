// The messages of a pane: their order, their scrolling and their keyboard.

import { textOf } from './message-files.js';
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
  #pinned = true; // the reader is at the end, and stays there
  #top = 0; // scrollTop when the reader last scrolled
  #reading = null; // {view, offset} at the upper edge while not pinned; offset in px below it

  #namesOf;
  #offers;
  #readersOf;
  #last = null; // the view that says who has read it: of the newest own message

  constructor(root, { client, user, colourOf, nameByEmail, namesOf, offers, readersOf }) {
    this.#client = client;
    this.#user = user;
    this.#colourOf = colourOf;
    this.#nameByEmail = nameByEmail;
    this.#namesOf = namesOf;
    this.#offers = offers;
    this.#readersOf = readersOf;
    this.#scroller = root.querySelector('.scroller');
    this.#log = root.querySelector('.log');
    this.#latest = root.querySelector('.latest');
    this.#log.addEventListener('keydown', (e) => this.#key(e));
    this.#log.addEventListener('focusin', (e) => this.#makeCurrent(this.#viewOf(e.target)));
    this.#log.addEventListener('quote', (e) => this.jumpTo(e.detail.message.reply_to.id));
    this.#latest.addEventListener('click', () => this.scrollToEnd());
    this.#scroller.addEventListener('scroll', () => this.#noteScroll());
    const sizes = new ResizeObserver(() => this.#keepPlace());
    for (const e of [this.#scroller, ...this.#scroller.children]) sizes.observe(e);
  }

  has(id) {
    return this.#views.has(id);
  }

  /** Draws a message again, or all of them: what is the user's own has changed. */
  redraw(id) {
    const views = id === undefined ? [...this.#views.values()] : [this.#views.get(id)];
    for (const view of views) if (view) this.#draw(view);
  }

  /** Says by the newest own message who has read it. */
  redrawReaders() {
    const newest = this.#client.timeline.newest((m) => m.sender.id === this.#user.id && !m.deleted_at);
    const before = this.#last;
    this.#last = newest ? this.#views.get(newest.id) : null;
    for (const view of new Set([before, this.#last])) if (view?.element.isConnected) this.#draw(view);
  }

  /** Whether the reader has the newest message before their eyes. */
  get atEnd() {
    return this.#pinned && !this.#hidden;
  }

  get empty() {
    return this.#views.size === 0;
  }

  scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
    this.#latest.hidden = true;
    this.#pinned = true;
  }

  /** Shows messages that were made or changed. */
  show(messages, cause) {
    this.#noteScroll(); // its event may be still to come
    this.#log.setAttribute('aria-busy', cause !== 'live'); // only news is announced
    if (cause === 'history') this.#clear();
    let others = false;
    for (const m of messages) {
      others ||= m.sender.id !== this.#user.id && !this.#views.has(m.id);
      this.#showMessage(m);
    }
    this.redrawReaders();
    this.#keepPlace();
    if (others && cause === 'live') this.#latest.hidden = this.#pinned;
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
    this.#noteScroll();
    view.article.focus({ preventScroll: true });
    view.element.classList.remove('found');
    requestAnimationFrame(() => view.element.classList.add('found'));
  }

  /** Focuses the message that is being read, and moves nothing. */
  focusReading() {
    const view = this.#pinned ? this.#current : this.#reading?.view;
    view?.article.focus({ preventScroll: true });
  }

  // --- Scrolling --------------------------------------------------------------

  get #hidden() {
    return this.#scroller.clientHeight === 0;
  }

  /** Where the reader is now. Only a move upwards leaves the end: growth alone does not. */
  #noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (this.#hidden || scrollTop === this.#top) return;
    const up = scrollTop < this.#top;
    this.#top = scrollTop;
    if (scrollHeight - scrollTop - clientHeight < nearEnd) {
      this.#pinned = true;
      this.#latest.hidden = true;
    } else if (up) {
      this.#pinned = false;
    }
    if (!this.#pinned) this.#noteReading();
  }

  #noteReading() {
    let element = this.#log.lastElementChild;
    const above = (e) => this.#byElement.get(e).article.offsetTop > this.#top;
    while (element?.previousElementSibling && above(element)) element = element.previousElementSibling;
    const view = this.#byElement.get(element);
    this.#reading = view ? { view, offset: view.article.offsetTop - this.#top } : null;
  }

  /**
   * Whatever has changed its size, the reader goes on reading where he was: at the
   * end, or at the message at the upper edge. Where that is gone it is the end.
   */
  #keepPlace() {
    if (this.#hidden) return;
    const { view, offset } = (!this.#pinned && this.#reading) || {};
    const same = view?.element.isConnected ? view : this.#views.get(view?.message?.id);
    if (!same) return this.scrollToEnd();
    this.#scroller.scrollTop = same.article.offsetTop - offset;
    this.#noteScroll();
  }

  // --- Views ------------------------------------------------------------------

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
    const sender = message?.sender ?? { id: this.#user.id, full_name: this.#user.name };
    const { own } = this.#client;
    const mentions = { mentions: message?.mentions ?? entry?.mentions, all: message?.mentions_all ?? entry?.mentionsAll };
    view.draw({
      name: nameOf(sender),
      quoted: this.#quoted(message?.reply_to, entry?.replyTo),
      names: this.#namesOf(mentions),
      addressed: Boolean(mentions.all || mentions.mentions?.includes(this.#user.id)) && sender.id !== this.#user.id,
      chosen: message ? this.#client.chosen(message.id) : new Set(),
      readers: message && view === this.#last ? this.#readersOf(message) : '',
      may: { send: own.may('send'), edit: own.may('edit'), react: own.may('react'), more: message && this.#offers(message) },
    });
  }

  /** What a reply quotes: the server's short form, or our own message list until it comes. */
  #quoted(reply, replyTo) {
    if (reply) return { name: this.#nameByEmail(reply.sender_email), content: reply.content };
    const original = replyTo && this.#client.timeline.get(replyTo);
    if (!original) return undefined;
    return { name: nameOf(original.sender), content: Array.from(textOf(original) || original.attachments?.[0].name || '').slice(0, 100).join('') };
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
