// A pane: one user's view of a trip's room.

import { Announcer } from './announcer.js';
import { Attachments } from './client/attachments.js';
import { People } from './client/people.js';
import { Reactions } from './client/reactions.js';
import { Composer } from './composer.js';
import { Draft } from './drafts.js';
import { EmojiPicker } from './emoji-picker.js';
import { FileTray } from './file-tray.js';
import { ListDialog } from './list-dialog.js';
import { Members } from './members.js';
import { everybody, firstOf } from './mention-text.js';
import { summaryOf, textOf } from './message-files.js';
import { MessageLog } from './message-log.js';
import { MessageMenu } from './message-menu.js';
import { nameOf } from './message-view.js';
import { badge, full, RoomList } from './room-list.js';
import { SearchBar } from './search-bar.js';
import { limitOf } from './text-length.js';

const problemShown = 8_000; // ms
const markEvery = 400; // ms
const noticeAfter = 2_500; // ms of waiting that deserve more than the status line
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const colours = 6; // of people, in style.css
const modest = ['moderate', 'mention_all']; // what nobody may who is not known to

const refusals = {
  forbidden: 'you are not part of this trip, or no longer.',
  outbox_full: 'too much waits already. Please try again when you are connected.',
  not_found: 'it is not here any more.',
};

const notices = {
  standard: 'Real-time chat unavailable. Using standard messaging.',
  offline: 'You are offline. What you write is kept, also over a reload, and goes out when you are back.',
  waiting: 'The connection is lost. What you write is kept, also over a reload, and goes out when it is back.',
  unkept: 'The connection is lost. What you write goes out when it is back, as long as this page stays open.',
  unauthorized: 'The server no longer accepts your sign-in. You are not connected.',
  forbidden: 'You are not part of this trip, or no longer. You are not connected.',
};

/**
 * ChatPane is an EventTarget: 'news' for each new message of somebody else, 'open' {id, address} where the user opens a trip,
 * and 'list' where they go back to the list of trips.
 */
export class ChatPane extends EventTarget {
  element = document.querySelector('#pane-template').content.firstElementChild.cloneNode(true);

  #caravan;
  #rooms;
  #room;
  #trip;
  #people;
  #reactions;
  #files;
  #uploaded = new Map(); // id → Attachment, of what was uploaded here
  #user;
  #users;
  #log;
  #composer;
  #menu;
  #members;
  #search;
  #searched = ''; // what is marked in the messages
  #spoken;
  #tab;
  #list;
  #roomList;
  #addressOf;
  #opened = false; // how far was read is known since the room was opened
  #countdown;
  #problemTimer;
  #dismissed; // the notice that the user has read
  #marking; // timer: what is seen is marked as read at its end
  #ends = []; // of what listens to the room
  #failed = new Set(); // client ids of what was said to have failed
  #editing = new Map(); // room and message id → what stands in its editor, over a change of room
  #followed = new WeakSet(); // rooms that were opened: what is refused in them is said wherever the user is
  #started = false; // where the room opens is known: from then on what is seen is read
  #dueUnread = false; // what came unseen is shown when somebody looks
  #keeps; // what is written survives a reload
  #outboxKept; // so does what is to be sent
  #full; // the room of which no more can be shown

  /**
   * @param keeps whether what is written survives a reload
   * @param tab the name of this tab of the browser
   * @param help a HelpDialog
   */
  constructor({ caravan, rooms, user, users, trips, trip, addressOf, href, keeps, tab, help }) {
    super();
    this.#keeps = this.#outboxKept = keeps;
    this.#tab = tab;
    this.#caravan = caravan;
    this.#rooms = rooms;
    this.#addressOf = addressOf;
    this.#user = user;
    this.#users = users;
    this.#head(href);
    this.#files = new Attachments(caravan);
    const emoji = new EmojiPicker(this.element);
    this.#menu = new MessageMenu(this.#part('.menu'), { user, emoji, may: (what) => this.#may(what), chosen: (id) => this.#reactions.chosen(id) });
    this.#roomList = new RoomList(this.#part('.rooms'), { rooms, user, trips, addressOf });
    this.#list = new ListDialog(this.#part('.list'));
    const tray = new FileTray(this.element, (file) => this.#files.upload(this.#room, file));
    tray.addEventListener('problem', (e) => this.#showProblem(e.detail.text));
    this.#spoken = new Announcer(this.#part('.spoken'));
    this.#composer = new Composer(this.#part('.composer'), {
      tray,
      emoji,
      me: user.id,
      send: (message) => this.#send(message),
      mayMentionAll: () => this.#may('mention_all'),
      label: `Message as ${user.name}`,
      keysId: `keys-${users.indexOf(user)}`,
    });
    this.#log = new MessageLog(this.element, {
      user,
      colourOf: (id) => this.#colourOf(id),
      look: (item, newest) => this.#lookOf(item, newest),
      lookOn: (item, newest) => this.#lookOn(item, newest),
      loadOlder: () => this.#loadOlder(),
    });
    this.#search = new SearchBar(this.#part('.search-slot'), {
      room: () => this.#room,
      begun: () => this.#begun,
      messages: () => this.#room.messages,
      complete: () => this.#room.complete,
      older: () => this.#room.older(),
      jumpTo: (id) => this.#log.jumpTo(id),
      mark: (query) => this.#markFound(query),
    });
    this.#listen();
    this.#part('.find').addEventListener('click', () => this.search());
    this.#part('.help').addEventListener('click', () => help.show());
    this.open(trip.id);
    rooms.on('rooms', () => this.#nameRoom());
  }

  /** The title of the trip that is open. */
  get title() {
    return this.#roomList.titleOf(this.#trip);
  }

  /** The trip that is open: its id. */
  get trip() {
    return this.#trip;
  }

  /** The address of the user's own page. */
  set href(href) {
    this.#part('.alone').href = href;
  }

  /** 'room' or 'list': what is seen where there is room for one of them. */
  set view(view) {
    this.element.dataset.view = view;
  }

  /** Shows the room of a trip. */
  open(id) {
    this.view = 'room';
    if (id === this.#trip) return;
    this.#search.close();
    this.#menu.close();
    this.#list.close();
    this.#members = new Members({ rest: (...call) => this.#caravan.rest(...call), room: id, known: this.#users });
    const store = this.#keeps ? localStorage : undefined;
    this.#composer.enter(id, { members: this.#members, draft: new Draft({ store, user: this.#user.id, room: id, tab: this.#tab }) });
    this.#trip = id;
    this.#roomList.current = id;
    this.#enter();
    this.#nameRoom();
  }

  /** Opens the search. */
  search() {
    this.#search.show();
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #head(href) {
    const { name } = this.#user;
    this.element.classList.add(this.#colourOf(this.#user.id));
    this.element.setAttribute('aria-label', name);
    this.#part('h2 bdi').textContent = name;
    this.#part('.avatar').textContent = initials(name);
    const alone = this.#part('.alone');
    alone.hidden = !href;
    alone.href = href;
    alone.setAttribute('aria-label', `Open ${name} on an own page`);
  }

  #nameRoom() {
    const { title } = this;
    this.#part('h3').textContent = title;
    this.#part('.log').setAttribute('aria-label', `Messages in ${title}`);
    const { elsewhere } = this.#roomList;
    this.#part('.back').setAttribute('aria-label', elsewhere ? `All trips, ${full(elsewhere)} unread elsewhere` : 'All trips');
    this.#part('.elsewhere').hidden = !elsewhere;
    this.#part('.elsewhere').replaceChildren(badge('count', full(elsewhere), 'unread elsewhere'));
  }

  /** Follows the room, anew where the user had to leave it. */
  #enter() {
    for (const end of this.#ends.splice(0)) end();
    const room = this.#caravan.room(this.#trip);
    this.#room = room;
    this.#opened = this.#started = this.#dueUnread = false;
    this.#full = undefined;
    this.#people = new People(room);
    this.#reactions = new Reactions(this.#caravan, room);
    const on = (target, name, handle) => this.#ends.push(target.on(name, handle));
    on(room, 'messages', (news) => this.#takeMessages(news));
    on(room, 'state', () => this.#showState());
    on(room, 'own', ({ v }) => this.#showOwn(v));
    on(room, 'problem', ({ code }) => code === 'store' && this.#loseStore());
    on(this.#caravan, 'state', () => this.#showState());
    on(this.#people, 'typing', () => this.#drawTyping());
    on(this.#people, 'presence', () => this.#showHere());
    on(this.#people, 'reads', () => this.#log.update());
    on(this.#reactions, 'reactions', () => this.#log.update());
    const { people, reactions } = { people: this.#people, reactions: this.#reactions };
    this.#ends.push(() => people.close(), () => reactions.close(), () => leave(room));
    this.#follow(room, this.#trip);
    room.watch({ presence: true, reads: true });
    this.#log.open(room);
    this.#composer.quote((id) => this.#originalOf(id));
    this.#showOwn(room.role);
    this.#showState();
    this.#takeOutbox(room, this.#trip);
    this.#drawTyping();
  }

  /** The browser keeps no more: what waits goes out all the same, unless the page is closed before. */
  #loseStore() {
    if (!this.#outboxKept) return;
    this.#outboxKept = false;
    this.#showProblem('This browser keeps no more. What you send now goes out as long as this page stays open.');
    this.#showState();
  }

  #follow(room, trip) {
    if (this.#followed.has(room)) return;
    this.#followed.add(room);
    room.on('outbox', () => this.#takeOutbox(room, trip));
  }

  #listen() {
    const on = (target, name, handle) => target.addEventListener(name, (e) => handle(e.detail));
    this.#part('.scroller').addEventListener('scroll', () => this.#markRead(), { passive: true });
    document.addEventListener('visibilitychange', () => this.#look());
    for (const name of ['online', 'offline']) addEventListener(name, () => this.#showState());
    on(this.#roomList, 'open', ({ id }) => {
      this.open(id);
      if (!document.activeElement?.checkVisibility()) this.#part('h3').focus(); // the list has gone
      this.dispatchEvent(new CustomEvent('open', { detail: { id, address: this.#addressOf(id) } }));
    });
    this.#part('.back').addEventListener('click', () => {
      this.view = 'list';
      this.#part('.rooms [aria-current]')?.focus();
      this.dispatchEvent(new Event('list'));
    });

    on(this.#composer, 'typing', ({ isTyping }) => this.#room.typing(isTyping));
    on(this.#composer, 'editlast', () => this.#may('edit') && this.#edit(this.#log.lastEditable(), () => this.#composer.focus()));

    const log = this.#part('.log');
    on(log, 'quote', ({ message }) => this.#jumpTo(message.reply_to.id));
    on(log, 'reply', ({ message }) => this.#composer.answer({ id: message.id, name: nameOf(message.sender), content: summaryOf(message) }));
    on(log, 'edit', (view) => this.#edit(view, () => view.article.focus()));
    on(log, 'more', ({ message, element }) => this.#menu.open(this.#room, message, element.querySelector('.more'), this.#about(message)));
    on(log, 'chip', ({ view, emoji, on: chosen }) => this.#taken(this.#room.react(view.message.id, emoji, chosen)));
    on(log, 'who', ({ message }) => this.#showWho(message));
    on(log, 'renew', ({ view, then }) => this.#renewFiles(view, then));
    on(log, 'replies', ({ message }) => this.#showReplies(message));
    on(this.#menu, 'react', ({ room, id, emoji, on: chosen }) => this.#taken(room.react(id, emoji, chosen)));
    on(this.#menu, 'pin', ({ room, id, on: pinned }) => this.#taken(room.pin(id, pinned)));
    on(this.#menu, 'delete', ({ room, id }) => this.#taken(room.remove(id)));
    on(this.#list, 'choose', ({ id }) => this.#jumpTo(id));
    this.#part('.here').addEventListener('click', () => this.#listHere());
    this.#part('.pins').addEventListener('click', () => this.#showPins());
    on(log, 'retry', ({ entry }) => this.#taken(this.#room.retry(entry.clientId)));
    on(log, 'discard', ({ entry }) => this.#discard(entry));
    on(log, 'back', (view) => this.#takeBack(view));
    this.#part('.older button').addEventListener('click', () => this.#pressOlder());
    this.#part('.newest').addEventListener('click', () => this.#backToNewest());
  }

  /** Whether the user may do something. Where that is not known, as over REST, the server will say. */
  #may(what) {
    return this.#room.permissions?.includes(what) ?? !modest.includes(what);
  }

  // --- Messages ---------------------------------------------------------------

  #takeMessages({ changed, reset, page }) {
    const news = reset || page ? [] : changed.filter((m) => m.rev === m.seq && m.sender.id !== this.#user.id);
    if (news.length && document.visibilityState === 'hidden' && !this.#log.marksUnread(this.#room.readSeq)) {
      this.#log.unreadAfter = this.#room.readSeq;
      this.#dueUnread = true;
    }
    this.#log.update({ news: news.length > 0 });
    this.#showEdges();
    for (const m of news) {
      this.dispatchEvent(new CustomEvent('news', { detail: m }));
      this.#spoken.message({ id: m.id, name: nameOf(m.sender), text: summaryOf(m) });
    }
    for (const m of changed) if (m.deleted_at) this.#spoken.forget(m.id);
    this.#composer.quote((id) => this.#originalOf(id));
    this.#search.refresh();
    this.#start();
    this.#markRead();
  }

  /** A delete, pin or reaction shows by the message; what is refused is undone and said. */
  #takeOutbox(room, trip) {
    const open = room === this.#room;
    const where = open ? '' : ` in ${this.#roomList.titleOf(trip)}`;
    let failed = 0;
    for (const { status, frame, clientId, code, error } of room.outbox) {
      if (status !== 'failed') continue;
      if (frame.type === 'chat_message' || frame.type === 'edit_message') {
        failed++;
        if (!this.#failed.has(clientId)) this.#showProblem(`Not sent${where}: ${error}`);
        this.#failed.add(clientId);
        this.#composer.limit = limitOf({ code, error });
      } else {
        this.#showProblem(`Not done${where}: ${error}`);
        return room.discard(clientId); // and this is called again
      }
    }
    this.#roomList.markFailed(trip, failed);
    if (!open) return;
    this.#log.update();
    this.#showEdges();
  }

  /** Whether the outbox has it: what has no entry there would be lost without a word. */
  #taken(sent) {
    if (!sent.clientId) sent.catch(({ code, message }) => this.#showProblem(`Not done: ${refusals[code] ?? message}`));
    return Boolean(sent.clientId);
  }

  #send({ content, replyTo, attachments, mentions, mentionsAll }) {
    for (const a of attachments) this.#uploaded.set(a.id, a);
    const sent = this.#room.send(content.toWellFormed().trim(), { replyTo, attachments: attachments.map((a) => a.id), mentions, mentionsAll: mentionsAll || undefined });
    if (!this.#taken(sent)) return false;
    this.#log.unreadAfter = undefined;
    this.#log.scrollToEnd();
    return true;
  }

  /** What is before the user's eyes is read: said now and then, as each frame counts against the rate. */
  #markRead() {
    this.#marking ??= setTimeout(() => {
      this.#marking = undefined;
      const looks = this.#started && !this.#dueUnread && document.visibilityState === 'visible';
      const seen = looks && this.#room.state.phase === 'live' ? this.#log.seen : 0;
      if (seen) this.#room.read(seen);
    }, markEvery);
  }

  /** The room opens at what is unread, once it is known how far was read and what there is. */
  async #start() {
    if (this.#started || !this.#opened || this.#room.state.phase !== 'live') return;
    this.#started = true;
    await this.#log.showUnread();
    this.#markRead();
  }

  /** Somebody may look at the page now: from the first message on that came unseen. */
  async #look() {
    if (document.visibilityState === 'visible' && this.#dueUnread) {
      await this.#log.showUnread();
      this.#dueUnread = false;
    }
    this.#markRead();
  }

  /** How an item of the log looks. */
  #lookOf({ message, entry }, newest) {
    const frame = entry?.frame ?? {};
    const sender = message?.sender ?? { id: this.#user.id, full_name: this.#user.name };
    const mentions = { mentions: message?.mentions ?? frame.mentions, all: message?.mentions_all ?? frame.mentions_all };
    return {
      name: nameOf(sender),
      quoted: this.#quoted(message?.reply_to, frame.reply_to),
      mentions: this.#mentioned(mentions),
      found: this.#searched,
      addressed: Boolean(mentions.all || mentions.mentions?.includes(this.#user.id)) && sender.id !== this.#user.id,
      chosen: message ? this.#reactions.chosen(message.id) : new Set(),
      files: message?.attachments ?? (frame.attachments ?? []).map((id) => this.#uploaded.get(id) ?? { id, name: 'A file', url: '' }),
      readers: message && newest ? this.#readersOf(message) : '',
      may: { send: this.#may('send'), edit: this.#may('edit'), react: this.#may('react'), more: message && this.#menu.offers(message) },
    };
  }

  #lookOn({ message }, newest) {
    const { permissions } = this.#room;
    return `${message ? [...this.#reactions.chosen(message.id)] : ''} ${message && newest ? this.#readersOf(message) : ''} ${permissions} ${this.#members.known.length} ${this.#searched}`;
  }

  /** When a message was written and who has read it, for those who cannot point at the time and the ticks. */
  #about(message) {
    const readers = message.sender.id === this.#user.id ? this.#readersOf(message) : '';
    return [moment.format(new Date(message.created_at)), readers].filter(Boolean).join(' · ');
  }

  /** What a reply quotes: the server's short form, or our own message list until it comes. */
  #quoted(reply, replyTo) {
    if (reply) return { name: this.#users.find((u) => u.email === reply.sender_email)?.name ?? reply.sender_email, content: reply.content };
    const original = replyTo && this.#room.messages.find((m) => m.id === replyTo);
    return original && { name: nameOf(original.sender), content: Array.from(summaryOf(original)).slice(0, 100).join('') };
  }

  /** What a reply that is being written quotes; undefined where the message is not loaded. */
  #originalOf(id) {
    const message = this.#room.messages.find((m) => m.id === id);
    return message && { id, name: nameOf(message.sender), content: message.deleted_at ? '' : summaryOf(message) };
  }

  /** Who has read a message, as few words: names where there is room for them. */
  #readersOf({ seq }) {
    const readers = [...this.#people.reads].filter(([id, at]) => id !== this.#user.id && at >= seq);
    const names = readers.map(([id]) => this.#users.find((u) => u.id === id));
    if (!names.length) return '';
    if (names.length > 2 || names.some((u) => !u)) return `Read by ${names.length}`;
    return `Read by ${names.map(firstName).join(' and ')}`;
  }

  /** With `known` the server has said what the user may do, and how far they have read. */
  #showOwn(known) {
    if (known && !this.#opened) {
      this.#opened = true;
      this.#log.unreadAfter = this.#room.readSeq || undefined; // who was never here needs no line
    }
    this.#part('.role').textContent = this.#room.role;
    this.#part('.attach').hidden = !this.#may('upload');
    this.#log.update();
    this.#start();
    this.#markRead();
  }

  /** Who is here, the user among them: as a number, which leads to the names. */
  #showHere() {
    const { online, partial } = this.#people.presence;
    const here = this.#part('.here');
    here.hidden = online === null;
    if (here.hidden) return;
    here.querySelector('span').textContent = `${online}${partial ? '+' : ''}`;
    here.setAttribute('aria-label', `Who is here: ${online}${partial ? ' or more' : ''}`);
  }

  async #jumpTo(id) {
    const room = this.#room;
    const found = await this.#log.jumpTo(id).catch(() => undefined);
    if (room !== this.#room) return;
    if (found === undefined) this.#showProblem('That message could not be loaded. Please try again.');
    if (found === false) this.#showProblem('That message is not here any more, or too far back.');
  }

  // --- Lists ------------------------------------------------------------------

  #listHere() {
    const { users, online } = this.#people.presence;
    const rows = (all) => all.map((id) => ({ name: this.#nameOf(id), text: '', note: id === this.#user.id ? 'You' : '' }));
    this.#list.open('Here now', users ? 'Nobody is here.' : `${online} people are here: too many to name them.`, async () => rows([...(users ?? [])]));
  }

  #nameOf(id) {
    return this.#users.find((u) => u.id === id)?.name ?? 'Somebody';
  }

  async #ask(path) {
    return (await this.#caravan.rest('GET', path)).results;
  }

  #showPins() {
    this.#list.open('Pinned messages', 'Nothing is pinned yet.', async () => (await this.#ask(`rooms/${this.#trip}/pins/`)).map(asRow));
  }

  /** On a page that is open for a day the links of files end. */
  async #renewFiles(view, then) {
    const { attachments, status } = await this.#caravan.rest('GET', `messages/${view.message.id}/`).catch((error) => error);
    if (!attachments) return this.#showProblem(status === 404 ? 'That file is not here any more.' : 'The file could not be loaded. Please try again.');
    view.renewFiles(attachments);
    then();
  }

  #showReplies({ id }) {
    this.#list.open('Replies', 'There are none any more.', async () => (await this.#ask(`messages/${id}/replies/`)).map(asRow));
  }

  /** Few reactions name their people in the message; of many the server has the list. */
  #showWho({ id, reactions }) {
    this.#list.open('Reactions', 'There are none any more.', async () => {
      const name = (user) => this.#nameOf(user);
      if (reactions.every((r) => r.by)) return reactions.flatMap(({ emoji, by }) => by.map((user) => ({ name: name(user), text: '', note: emoji })));
      return (await this.#ask(`messages/${id}/reactions/`)).map(({ user, emoji }) => ({ name: nameOf(user), text: '', note: emoji }));
    });
  }

  // --- Who is addressed -------------------------------------------------------

  /** Whom a message mentions, by their names and first names. */
  #mentioned({ mentions = [], all }) {
    const names = mentions.flatMap((id) => {
      const own = id === this.#user.id;
      const { name } = this.#members.known.find((m) => m.id === id) ?? this.#users.find((u) => u.id === id) ?? {};
      return name ? [{ name, own }, { name: firstOf(name), own }] : [];
    });
    return all ? [...names, { name: everybody, own: true }] : names;
  }

  #markFound(query) {
    if (query === this.#searched) return;
    this.#searched = query;
    this.#log.update();
  }

  #discard({ clientId }) {
    this.#failed.delete(clientId);
    this.#room.discard(clientId);
    this.#composer.focus();
  }

  /** What was refused goes back to where it was written. */
  #takeBack(view) {
    const { entry } = view;
    if (view.message) return this.#editAgain(view);
    const { content, reply_to: replyTo, attachments = [], mentions = [] } = entry.frame;
    this.#composer.take({
      content,
      replyTo: replyTo && (this.#originalOf(replyTo) ?? { id: replyTo, name: '', content: '' }),
      attachments: attachments.map((id) => this.#uploaded.get(id) ?? { id, name: 'A file', size: 0 }), // of a page before
      mentions: this.#members.known.filter((m) => mentions.includes(m.id)).map(({ id, name }) => ({ id, name })),
    });
    this.#discard(entry);
  }

  #editAgain(view) {
    const { clientId, frame } = view.entry;
    const leave = () => {
      this.#failed.delete(clientId);
      this.#room.discard(clientId);
      view.article.focus();
    };
    this.#edit(view, leave, frame.content);
  }

  #edit(view, leave, written) {
    if (!view || view.editing) return;
    const { id } = view.message;
    const room = this.#room;
    const key = `${this.#trip} ${id}`;
    view.openEditor({
      save: (text) => text.trim() === textOf(view.message) || this.#taken(room.edit(id, text.toWellFormed().trim())),
      leave,
      keep: (text) => (text === undefined ? this.#editing.delete(key) : this.#editing.set(key, text)),
      text: this.#editing.get(key) ?? written,
      limit: this.#composer.limit,
    });
  }

  /** Resolves to whether something was loaded. */
  async #loadOlder() {
    const button = this.#part('.older button');
    const room = this.#room;
    button.textContent = 'Loading earlier messages…';
    try {
      const { length } = await room.older();
      if (!length && !room.complete && room.seq > 0) this.#full = room; // as many as may be are held
      if (room === this.#room) this.#showEdges();
      return length > 0;
    } catch {
      if (room === this.#room) this.#showProblem('Earlier messages could not be loaded. Please try again.');
      return false;
    } finally {
      button.textContent = 'Load earlier messages';
    }
  }

  async #pressOlder() {
    const button = this.#part('.older button');
    const room = this.#room;
    await this.#loadOlder();
    if (room !== this.#room) return;
    if (this.#full === room) this.#part('.newest').focus({ preventScroll: true });
    else if (button.hidden) this.#log.focusReading();
    else button.focus({ preventScroll: true });
  }

  /** Lets go of what was loaded, which makes room for it anew. */
  #backToNewest() {
    this.#full = undefined;
    this.#room.trim();
    this.#showEdges();
    this.#log.scrollToEnd();
    this.#log.focusReading();
  }

  #showEdges() {
    const begun = this.#begun;
    const full = this.#full === this.#room && !this.#room.complete;
    this.#part('.older button').hidden = !begun || this.#room.complete || full;
    this.#part('.full').hidden = !full;
    this.#part('.empty').hidden = this.#room.messages.length > 0 || this.#room.outbox.length > 0;
    this.#part('.empty').textContent = begun ? 'No messages yet. Where does the trip begin?' : 'Loading…';
  }

  /** Whether the room has told what it holds. */
  get #begun() {
    return this.#room.seq > 0 || this.#room.state.phase === 'live';
  }

  // --- The connection ---------------------------------------------------------

  /** The state of the connection and of the room on it, as people see it. */
  get #state() {
    const { phase, code, retryAt } = this.#caravan.state;
    const { phase: roomPhase } = this.#room.state;
    if (roomPhase === 'left') return { phase: 'stopped', reason: 'forbidden' };
    if (phase === 'waiting') return { phase, retryAt, reason: code === 4001 ? 'unauthorized' : undefined };
    if (phase === 'connecting' || phase === 'closed' || roomPhase !== 'live') return { phase: 'connecting' };
    return { phase: phase === 'fallback' ? 'standard' : 'live' };
  }

  #showState() {
    clearInterval(this.#countdown);
    const state = this.#state;
    this.element.dataset.phase = state.phase;
    this.#composer.stopped = state.phase === 'stopped';
    if (state.phase === 'waiting' && !navigator.onLine) state.reason ??= 'offline';
    this.#part('.status-text').textContent = statusText(state);
    this.#part('.announce').textContent = announcement(state);
    if (state.phase === 'waiting') {
      this.#countdown = setInterval(() => (this.#part('.status-text').textContent = statusText(state)), 250);
    }
    this.#showNotice(state);
    this.#showHere();
    this.#showEdges();
    if (state.phase === 'live' || state.phase === 'standard') this.#log.update();
    this.#start();
    this.#markRead();
  }

  /** What people should know, and what they can do about it. */
  #showNotice({ phase, reason, retryAt }) {
    const notice = this.#part('.notice');
    const short = phase === 'waiting' && !reason && retryAt - Date.now() < noticeAfter;
    if (phase === 'connecting' || short) return; // may be over in a moment: change nothing
    const what = phase === 'waiting' && reason !== 'unauthorized' && !this.#outboxKept ? 'unkept' : (reason ?? phase);
    if (what !== this.#dismissed) this.#dismissed = undefined;
    notice.querySelector('p').textContent = (!this.#dismissed && notices[what]) || '';
    const [label, act] = {
      waiting: ['Try now', () => dispatchEvent(new Event('online'))], // which ends the wait
      stopped: ['Connect again', () => this.#connectAgain()],
      standard: ['OK', () => {
        this.#dismissed = what;
        this.#showState();
      }],
    }[phase] ?? [];
    const button = notice.querySelector('button');
    button.hidden = !label || reason === 'offline';
    button.textContent = label ?? '';
    button.onclick = act;
  }

  #connectAgain() {
    this.#enter();
    this.#rooms.refresh().catch(() => {}); // it is asked for again by itself
  }

  // --- People -----------------------------------------------------------------

  #drawTyping() {
    const names = [...this.#people.typers].map(([id, { email }]) => this.#users.find((u) => u.id === id)?.name ?? email);
    const text = names.length > 2 ? 'Several people are typing' : names.join(' and ') + (names.length > 1 ? ' are typing' : ' is typing');
    this.#part('.typing').textContent = names.length ? `${text}…` : '';
  }

  #showProblem(text) {
    const problem = this.#part('.problem');
    problem.textContent = text;
    clearTimeout(this.#problemTimer);
    this.#problemTimer = setTimeout(() => (problem.textContent = ''), problemShown);
  }

  /** Everybody keeps a colour: demo users by their place, others by their id. */
  #colourOf(id) {
    const place = this.#users.findIndex((u) => u.id === id);
    return `person-${(place >= 0 ? place : parseInt(id.slice(0, 8), 16)) % colours}`;
  }
}

/** What a room tells and holds while it is looked at ends with that; its messages go on coming. */
function leave(room) {
  room.watch({ presence: false, reads: false });
  room.trim();
}

const firstName = ({ name }) => name.split(' ')[0];

const asRow = (message) => ({ id: message.id, name: nameOf(message.sender), text: summaryOf(message), note: moment.format(new Date(message.created_at)) });

function statusText({ phase, reason, retryAt }) {
  const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
  if (reason === 'unauthorized') return 'Not connected';
  if (reason === 'offline') return 'Offline';
  return {
    connecting: 'Connecting…',
    live: 'Connected',
    waiting: `Reconnecting in ${seconds} s`,
    standard: 'Standard messaging',
    stopped: 'Not connected',
  }[phase];
}

/** For screen readers: changes only, and no countdown. The notice tells the rest. */
function announcement({ phase }) {
  return { live: 'Connected', waiting: 'Reconnecting' }[phase] ?? '';
}

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : ''].map((w) => Array.from(w ?? '')[0] ?? '').join('');
}
