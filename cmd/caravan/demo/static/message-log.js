// The messages of a pane: which of them are in the document, their scrolling and their keyboard.

import { MessageView } from './message-view.js';

const spare = 50; // rows in the document beyond those in sight, on each side
const slack = 6; // of them, those that may be missing before others are made
const guess = 60; // px of a row, before one was measured
const nearEnd = 80; // px from the newest message that still count as being there
const nearTop = 800; // px from the oldest message that is loaded, at which older ones are
const loadAgain = 5_000; // ms until older messages are loaded by scrolling after that has failed
const jumpMax = 2_000; // messages that are loaded to find one
const unreadMax = 500; // messages that are loaded to find the first that is unread
const groupWithin = 5 * 60_000; // ms between messages of one sender that stand together

/**
 * MessageLog shows what a room holds, and behind that what the outbox holds. Only the rows around those in sight are in the
 * document; the space above and below them is as high as the others were when they were seen, or as rows are on average. The
 * reader's place is the end, or the message at the upper edge, which stays where it is whatever happens above it.
 *
 * An item is {key, message?, entry?, at, sender, day}: a message, with the edit of it that is under way, or an entry alone. It
 * keeps its key when it is stored. One row at a time is in the tab order; the arrow keys, Home and End move to others.
 */
export class MessageLog {
  /** What is shown, from the oldest on. */
  items = [];

  #room;
  #user;
  #look; // says how an item looks, beside what it is
  #lookOn; // what that depends on, as a text
  #colourOf;
  #loadOlder;
  #scroller;
  #log;
  #latest;

  #index = new Map(); // key → place in items
  #known = new WeakMap(); // message → its item, where no edit of it is under way
  #heights = new Map(); // key → px
  #heightsSum = 0;
  #width = 0; // of the rows, when they were measured
  #height = 0; // of what is in sight
  #views = new Map(); // key → MessageView: those in the document, and those that are edited
  #byElement = new Map();
  #from = 0; // the items in the document
  #to = 0;

  #current = null; // the view in the tab order
  #pinned = true; // the reader is at the end, and stays there
  #top = 0; // scrollTop when the reader last scrolled
  #reading = null; // {key, seq, offset}: what is at the upper edge while not pinned; offset in px below it
  #unreadAfter; // the number up to which the user had read when the room was opened
  #unreadAt = -1; // the place of the first one after it
  #opening = false; // the first one that is unread is looked for
  #newestOwn; // its key: it says who has read it
  #due = false; // a change is to be shown
  #news = false; // somebody else has written
  #loading = false;
  #loadAfter = 0;

  /**
   * @param look (item, whether it is the newest own message) => what MessageView.draw takes
   * @param lookOn (the same) => a text: where it has changed the item looks different
   * @param loadOlder loads a page of older messages, and resolves to whether there was one
   */
  constructor(root, { user, colourOf, look, lookOn, loadOlder }) {
    this.#user = user;
    this.#colourOf = colourOf;
    this.#look = look;
    this.#lookOn = lookOn;
    this.#loadOlder = loadOlder;
    this.#scroller = root.querySelector('.scroller');
    this.#log = root.querySelector('.log');
    this.#latest = root.querySelector('.latest');
    this.#log.addEventListener('keydown', (e) => this.#key(e));
    this.#log.addEventListener('focusin', (e) => this.#makeCurrent(this.#viewOf(e.target)));
    this.#latest.addEventListener('click', () => this.scrollToEnd());
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    const sizes = new ResizeObserver(() => this.#resized());
    for (const e of [this.#scroller, ...this.#scroller.children]) sizes.observe(e);
  }

  /** Shows a room, from its end on: see showUnread. */
  open(room) {
    this.#room = room;
    this.#unreadAfter = undefined;
    this.#opening = false;
    this.#pinned = true;
    this.#reading = null;
    this.#loadAfter = 0;
    for (const view of this.#views.values()) view.element.remove();
    for (const all of [this.#views, this.#byElement, this.#heights]) all.clear();
    this.#heightsSum = 0;
    this.#from = this.#to = 0;
    this.update();
  }

  /** Shows what has changed in the room or in the outbox, at the end of the turn. With news somebody else has written. */
  update({ news = false } = {}) {
    this.#news ||= news;
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => this.#show());
  }

  /** The number up to which the reader has had all before their eyes, or 0. */
  get seen() {
    if (this.#hidden || this.#opening) return 0;
    if (this.#pinned) return this.#room.seq;
    const bottom = this.#scroller.scrollTop + this.#scroller.clientHeight + 1;
    for (const row of [...this.#log.children].reverse()) {
      const { message } = this.#byElement.get(row).item;
      if (message && row.offsetTop + row.offsetHeight <= bottom) return message.seq;
    }
    return 0;
  }

  get empty() {
    return !this.items.length;
  }

  /** What is after a number was not read yet: a line says where that begins. Undefined: there is no line. */
  set unreadAfter(seq) {
    this.#unreadAfter = seq;
    this.update();
  }

  /** Whether the line stands there, with something after it. */
  marksUnread(seq) {
    return this.#unreadAfter === seq && this.#unreadAt >= 0;
  }

  scrollToEnd() {
    this.#pinned = true;
    this.#render();
  }

  /**
   * Who is at the end goes to the line, where what is unread is more than fits: what lies between is loaded, within
   * bounds, and the button leads to the end. Who scrolls meanwhile stays where they are.
   */
  async showUnread() {
    const room = this.#room;
    const after = this.#unreadAfter;
    const missing = () => room.messages[0]?.seq > after && !room.complete;
    this.#opening = true;
    try {
      for (let loaded = 0; missing() && loaded < unreadMax; ) {
        const page = await room.older();
        if (room !== this.#room) return;
        if (!page.length) break;
        loaded += page.length;
      }
    } catch {
      // The pane shows the connection's state; what is loaded is shown.
    } finally {
      if (room === this.#room) this.#opening = false;
    }
    if (room !== this.#room) return;
    this.#show();
    const first = this.items.findIndex(({ message, sender }) => message?.seq > after && sender !== 'mine' && !message.deleted_at);
    if (!this.#pinned || this.#hidden || first < 0) return;
    if (this.#heightFrom(first, this.items.length) < this.#scroller.clientHeight - nearEnd) return;
    this.#bring(first);
    if (!this.#pinned) this.#latest.dataset.news = '';
    this.#showLatest();
  }

  /** The view of the newest own message that can be edited, brought into sight; or undefined. */
  lastEditable() {
    const at = this.items.findLastIndex((item) => item.sender === 'mine' && item.message && !item.entry && this.#editable(item.message));
    return at < 0 ? undefined : this.#bring(at);
  }

  /**
   * Brings a message into sight and focus, loading older ones until it is there. Resolves to whether it was found, or to
   * null where another room was opened meanwhile.
   */
  async jumpTo(id) {
    const room = this.#room;
    const held = () => room.messages.some((m) => m.id === id);
    for (let loaded = 0; !held() && !room.complete && loaded < jumpMax; ) {
      const page = await room.older();
      if (room !== this.#room) return null;
      if (!page.length) break;
      loaded += page.length;
    }
    this.#show();
    const at = this.items.findIndex((item) => item.message?.id === id);
    if (at < 0) return false;
    const view = this.#bring(at);
    view.article.focus({ preventScroll: true });
    view.element.classList.remove('found');
    requestAnimationFrame(() => view.element.classList.add('found'));
    return true;
  }

  /** Focuses the message that is being read, and moves nothing. */
  focusReading() {
    const view = this.#pinned ? this.#current : this.#views.get(this.#reading?.key);
    view?.article.focus({ preventScroll: true });
  }

  // --- What is shown ----------------------------------------------------------

  #show() {
    this.#noteScroll(); // its event may be still to come
    this.#due = false;
    this.#build();
    this.#render();
    if (this.#news && !this.#pinned) this.#latest.dataset.news = '';
    this.#news = false;
    this.#showLatest();
    this.#maybeLoad();
  }

  /** Makes the list of items: most of them are known from before. */
  #build() {
    const edits = new Map();
    const writing = [];
    for (const entry of this.#room.outbox) {
      if (entry.frame.type === 'edit_message') edits.set(entry.frame.message_id, entry);
      if (entry.frame.type === 'chat_message') writing.push(entry);
    }
    this.items = this.#room.messages.map((message) => this.#itemOf(message, edits.get(message.id)));
    this.#index = new Map(this.items.map((item, i) => [item.key, i]));
    for (const entry of writing) {
      const key = `own ${entry.clientId}`;
      if (this.#index.has(key)) continue; // it is stored, and about to leave the outbox
      this.#index.set(key, this.items.length);
      this.items.push(withTime({ key, entry, sender: 'mine' }, entry.createdAt));
    }
    const after = this.#unreadAfter ?? Infinity;
    const first = this.items.findIndex(({ message, sender }) => message?.seq > after && sender !== 'mine' && !message.deleted_at);
    this.#unreadAt = first > 0 || this.#room.complete ? first : -1; // before what is loaded there may be more
    const newest = this.items.findLast(({ message, sender }) => message && sender === 'mine' && !message.deleted_at)?.key;
    this.#newestOwn = newest;
  }

  #itemOf(message, entry) {
    const known = !entry && this.#known.get(message);
    if (known) return known;
    const mine = message.sender.id === this.#user.id;
    const key = mine && message.client_id ? `own ${message.client_id}` : message.id;
    const sender = message.message_type === 'system' ? 'system' : mine ? 'mine' : message.sender.id;
    const item = withTime({ key, message, entry, sender }, message.created_at);
    if (!entry) this.#known.set(message, item);
    return item;
  }

  /** Puts the rows around those in sight into the document, and takes the others out. */
  #render() {
    const [from, to] = this.#wanted();
    const keys = new Set();
    for (let i = from; i < to; i++) keys.add(this.items[i].key);
    for (const [key, view] of this.#views) if (!keys.has(key)) this.#takeOut(key, view);
    let next = this.#log.firstElementChild;
    for (let i = from; i < to; i++) {
      const view = this.#viewAt(i);
      if (view.element === next) next = next.nextElementSibling;
      else this.#log.insertBefore(view.element, next);
    }
    this.#from = from;
    this.#to = to;
    if (!this.#current?.element.isConnected) this.#makeCurrent(this.#views.get(this.#reading?.key) ?? this.#views.get(this.items.at(-1)?.key));
    this.#keepPlace();
  }

  #viewAt(i) {
    const item = this.items[i];
    let view = this.#views.get(item.key);
    if (!view) {
      const mine = item.sender === 'mine';
      view = new MessageView({ mine, colour: this.#colourOf(item.message?.sender.id ?? this.#user.id) });
      this.#views.set(item.key, view);
      view.element.dataset.key = item.key;
      this.#byElement.set(view.element, view);
    }
    const newest = item.key === this.#newestOwn;
    const drawnFrom = `${item.entry?.clientId} ${item.entry?.status} ${newest} ${this.#lookOn(item, newest)}`;
    if (view.item?.message !== item.message || view.drawnFrom !== drawnFrom) {
      Object.assign(view, { item, drawnFrom });
      view.draw(this.#look(item, newest));
    }
    const before = this.items[i - 1];
    const newDay = before?.day !== item.day;
    const unread = i === this.#unreadAt;
    view.follow({
      day: newDay ? dayName(item.at) : '', unread,
      grouped: !newDay && !unread && before.sender === item.sender && item.at - before.at < groupWithin,
    });
    return view;
  }

  /** Who edits a message finds it as it was left. */
  #takeOut(key, view) {
    const focused = view.element.contains(document.activeElement);
    view.element.remove();
    if (focused) this.#scroller.focus({ preventScroll: true });
    if (view.editing && this.#index.has(key)) return;
    this.#views.delete(key);
    this.#byElement.delete(view.element);
  }

  // --- Heights ----------------------------------------------------------------

  #heightOf(item) {
    return this.#heights.get(item.key) ?? (this.#heights.size ? this.#heightsSum / this.#heights.size : guess);
  }

  /** The sum of the heights of some items. */
  #heightFrom(from, to) {
    let sum = 0;
    for (let i = from; i < to; i++) sum += this.#heightOf(this.items[i]);
    return sum;
  }

  /** Notes how high the rows are that are in the document, and what stands for the others. */
  #measure() {
    const { clientWidth } = this.#scroller;
    if (clientWidth !== this.#width) {
      this.#heights.clear();
      this.#heightsSum = 0;
      this.#width = clientWidth;
    }
    for (const element of this.#log.children) {
      const { key } = this.#byElement.get(element).item;
      const height = element.getBoundingClientRect().height;
      this.#heightsSum += height - (this.#heights.get(key) ?? 0);
      this.#heights.set(key, height);
    }
    this.#log.style.paddingTop = `${this.#heightFrom(0, this.#from)}px`;
    this.#log.style.paddingBottom = `${this.#heightFrom(this.#to, this.items.length)}px`;
  }

  /** The items in sight: the first of them, and the one after the last. */
  #inSight() {
    const count = this.items.length;
    const { clientHeight } = this.#scroller;
    if (this.#pinned || !this.#reading) {
      let i = count;
      for (let y = clientHeight; i > 0 && y > 0; ) y -= this.#heightOf(this.items[--i]);
      return [i, count];
    }
    const at = this.#placeOfReading();
    let i = at;
    for (let y = this.#reading.offset; i > 0 && y > 0; ) y -= this.#heightOf(this.items[--i]);
    let j = at;
    for (let y = this.#reading.offset; j < count && y < clientHeight; ) y += this.#heightOf(this.items[j++]);
    return [i, j];
  }

  #wanted() {
    const [i, j] = this.#inSight();
    return [Math.max(0, i - spare), Math.min(this.items.length, j + spare)];
  }

  /** Where the message at the upper edge stands now, or the next one where it is gone. */
  #placeOfReading() {
    const { key, seq } = this.#reading;
    const at = this.#index.get(key) ?? this.items.findIndex((item) => !item.message || item.message.seq >= seq);
    return at < 0 ? Math.max(0, this.items.length - 1) : at;
  }

  // --- Scrolling --------------------------------------------------------------

  get #hidden() {
    return this.#scroller.clientHeight === 0;
  }

  #scrolled() {
    this.#noteScroll();
    if (this.#hidden) return;
    const [i, j] = this.#inSight();
    const few = spare - slack;
    if ((this.#from > 0 && i - this.#from < few) || (this.#to < this.items.length && this.#to - j < few)) this.#render();
    this.#showLatest();
    this.#maybeLoad();
  }

  /** Where the reader is now. Only a move upwards leaves the end: growth alone does not. */
  #noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (this.#hidden || scrollTop === this.#top) return;
    const up = scrollTop < this.#top;
    this.#top = scrollTop;
    if (scrollHeight - scrollTop - clientHeight < nearEnd) this.#pinned = true;
    else if (up) this.#pinned = false;
    if (!this.#pinned) this.#noteReading();
  }

  #noteReading() {
    const rows = [...this.#log.children];
    if (!rows.length) return void (this.#reading = null);
    const last = rows.at(-1);
    const leapt = this.#top + this.#scroller.clientHeight < rows[0].offsetTop || this.#top > last.offsetTop + last.offsetHeight;
    if (leapt) return this.#noteLeap();
    const below = rows.findIndex((row) => this.#byElement.get(row).article.offsetTop > this.#top);
    const view = this.#byElement.get(rows[below < 0 ? rows.length - 1 : Math.max(0, below - 1)]);
    this.#readAt(view.item, view.article.offsetTop - this.#top);
  }

  /** The reader is where no rows are: the heights say among which items. */
  #noteLeap() {
    let y = this.#log.offsetTop - this.#top;
    let i = 0;
    for (; i < this.items.length - 1; i++) {
      const height = this.#heightOf(this.items[i]);
      if (y + height > 0) break;
      y += height;
    }
    this.#readAt(this.items[i], y);
  }

  #readAt({ key, message }, offset) {
    this.#reading = { key, seq: message?.seq ?? Infinity, offset };
  }

  /**
   * Whatever has changed its size, the reader goes on reading where they were: at the end, or at the message at the upper
   * edge.
   */
  #keepPlace() {
    if (this.#hidden) return;
    this.#measure();
    const scroller = this.#scroller;
    this.#height = scroller.clientHeight;
    if (this.#pinned || !this.#reading || this.empty) {
      this.#pinned = true;
      scroller.scrollTop = scroller.scrollHeight;
    } else {
      const at = this.#placeOfReading();
      const view = this.#views.get(this.items[at].key);
      if (this.items[at].key !== this.#reading.key) this.#readAt(this.items[at], this.#reading.offset);
      const top = Math.round(view.article.offsetTop - this.#reading.offset);
      if (Math.abs(top - scroller.scrollTop) >= 1) scroller.scrollTop = top;
    }
    this.#top = scroller.scrollTop;
  }

  #resized() {
    if (this.#hidden) return;
    if (this.#scroller.clientHeight !== this.#height || this.#scroller.clientWidth !== this.#width) this.#render();
    else this.#keepPlace();
    this.#showLatest();
    this.#maybeLoad();
  }

  /** Brings an item into sight, and returns its view. */
  #bring(at) {
    const { clientHeight } = this.#scroller;
    this.#pinned = false;
    this.#readAt(this.items[at], clientHeight / 3);
    this.#render();
    this.#render(); // now that those around it are measured
    const { scrollHeight, scrollTop } = this.#scroller;
    if (scrollHeight - scrollTop - clientHeight < nearEnd) this.#pinned = true;
    this.#noteReading();
    return this.#views.get(this.items[at].key);
  }

  #showLatest() {
    const { scrollHeight, clientHeight } = this.#scroller;
    if (this.#pinned) delete this.#latest.dataset.news;
    const far = !this.#pinned && scrollHeight - this.#top > 3 * clientHeight;
    this.#latest.hidden = !far && this.#latest.dataset.news === undefined;
    this.#latest.firstElementChild.textContent = this.#latest.dataset.news === undefined ? 'Latest messages' : 'New messages';
  }

  /** Near the oldest message that is loaded older ones are. */
  async #maybeLoad() {
    const wanted = !this.#hidden && !this.#loading && this.#room.state.phase === 'live' && !this.#room.complete;
    if (!wanted || this.#scroller.scrollTop > nearTop || Date.now() < this.#loadAfter) return;
    const room = this.#room;
    this.#loading = true;
    const loaded = await this.#loadOlder();
    this.#loading = false;
    if (room !== this.#room) return this.#maybeLoad();
    if (!loaded) this.#loadAfter = Date.now() + loadAgain;
  }

  // --- The keyboard -----------------------------------------------------------

  #editable({ message_type: type, attachments, deleted_at: gone }) {
    return !gone && (type === 'text' || attachments?.length);
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
    view.element.querySelector('.quote').tabIndex = tabIndex;
  }

  #key(e) {
    if (!e.target.matches('.message')) return;
    const view = this.#viewOf(e.target);
    const at = this.#index.get(view.item.key);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: this.items.length - 1 }[e.key];
    if (this.items[to]) {
      e.preventDefault();
      const near = this.#views.get(this.items[to].key);
      (near?.element.isConnected ? near : this.#bring(to)).article.focus();
    } else if (e.key === 'Enter' && view.message) {
      e.preventDefault();
      view.ask('reply');
    }
  }
}

function withTime(item, at) {
  item.at = new Date(at);
  item.day = new Date(item.at).setHours(0, 0, 0, 0);
  return item;
}

function dayName(date) {
  const now = new Date();
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', year });
}
