// A pane: one user's view of a trip's room. It renders what a CaravanClient tells.

import { Composer } from './composer.js';
import { FileTray } from './file-tray.js';
import { ListDialog } from './list-dialog.js';
import { textOf } from './message-files.js';
import { MessageLog } from './message-log.js';
import { MessageMenu } from './message-menu.js';
import { nameOf } from './message-view.js';
import { TripLinks } from './trip-links.js';

const typingShown = 6_000; // ms after the last word of somebody's typing
const problemShown = 8_000; // ms
const markEvery = 400; // ms
const noticeAfter = 2_500; // ms of waiting that deserve more than the status line
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const colours = 6; // of people, in style.css

const notices = {
  standard: 'Real-time chat unavailable. Using standard messaging.',
  waiting: 'The connection is lost. What you write is kept and goes out when it is back.',
  unauthorized: 'The server no longer accepts your sign-in. You are not connected.',
  forbidden: 'You are not part of this trip, or no longer. You are not connected.',
};

/** ChatPane is an EventTarget: 'news' for each new message of somebody else. */
export class ChatPane extends EventTarget {
  element = document.querySelector('#pane-template').content.firstElementChild.cloneNode(true);

  #client;
  #user;
  #users;
  #log;
  #composer;
  #menu;
  #list;
  #typists = new Map(); // user id → {name, timer}
  #countdown;
  #problemTimer;
  #marking; // timer: what is seen is marked as read at its end

  constructor({ client, files, rooms, user, users, trips, trip, addressOf, href }) {
    super();
    this.#client = client;
    this.#user = user;
    this.#users = users;
    this.#head(trip, href);
    this.#log = new MessageLog(this.element, {
      client,
      user,
      colourOf: (id) => this.#colourOf(id),
      nameByEmail: (email) => this.#users.find((u) => u.email === email)?.name ?? email,
      namesOf: (mentions) => this.#namesOf(mentions),
      offers: (message) => this.#menu.offers(message),
      readersOf: (message) => this.#readersOf(message),
    });
    this.#menu = new MessageMenu(this.#part('.menu'), { client, user });
    new TripLinks(this.#part('.trips'), { rooms, trips, current: trip.id, addressOf });
    this.#list = new ListDialog(this.#part('.list'));
    const tray = new FileTray(this.element, files);
    tray.addEventListener('problem', (e) => this.#showProblem(e.detail.text));
    this.#composer = new Composer(this.#part('.composer'), {
      tray,
      label: `Message as ${user.name}`,
      keysId: `keys-${users.indexOf(user)}`,
    });
    this.#listen();
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #head(trip, href) {
    const { name } = this.#user;
    this.element.classList.add(this.#colourOf(this.#user.id));
    this.element.setAttribute('aria-label', name);
    this.#part('h2 bdi').textContent = name;
    this.#part('.avatar').textContent = initials(name);
    this.#part('.log').setAttribute('aria-label', `Messages in ${trip.title}`);
    const alone = this.#part('.alone');
    alone.hidden = !href;
    alone.href = href;
    alone.setAttribute('aria-label', `Open ${name} on an own page`);
  }

  #listen() {
    const on = (target, name, handle) => target.addEventListener(name, (e) => handle(e.detail));
    on(this.#client, 'state', (state) => this.#showState(state));
    on(this.#client, 'messages', (news) => this.#showMessages(news));
    on(this.#client, 'outbox', ({ entry, message }) => this.#showEntry(entry, message));
    on(this.#client, 'typing', (typing) => this.#showTyping(typing));
    on(this.#client, 'problem', ({ text }) => this.#showProblem(text));

    on(this.#client, 'own', () => this.#showOwn());
    on(this.#client, 'presence', () => this.#showHere());
    on(this.#client, 'reads', () => this.#log.redrawReaders());
    this.#part('.scroller').addEventListener('scroll', () => this.#markRead(), { passive: true });
    document.addEventListener('visibilitychange', () => this.#markRead());

    on(this.#composer, 'send', ({ content, replyTo, attachments }) => this.#client.send(content, { replyTo, attachments, ...this.#addressedBy(content) }));
    on(this.#composer, 'typing', ({ isTyping }) => this.#client.typing(isTyping));
    on(this.#composer, 'editlast', () => this.#edit(this.#log.lastEditable(), () => this.#composer.focus()));

    const log = this.#part('.log');
    on(log, 'reply', ({ message }) => this.#composer.answer({ id: message.id, name: nameOf(message.sender), content: summaryOf(message) }));
    on(log, 'edit', (view) => this.#edit(view, () => view.article.focus()));
    on(log, 'more', ({ message, element }) => this.#menu.open(message, element.querySelector('.more')));
    on(log, 'chip', ({ view, emoji, on: chosen }) => this.#client.react(view.message.id, emoji, chosen));
    on(log, 'who', ({ message }) => this.#showWho(message));
    on(log, 'renew', ({ view, then }) => this.#renewFiles(view, then));
    on(log, 'replies', ({ message }) => this.#showReplies(message));
    on(this.#menu, 'react', ({ id, emoji, on: chosen }) => this.#client.react(id, emoji, chosen));
    on(this.#menu, 'pin', ({ id, on: pinned }) => this.#client.pin(id, pinned));
    on(this.#menu, 'delete', ({ id }) => this.#client.remove(id));
    on(this.#list, 'choose', ({ id }) => this.#log.jumpTo(id));
    this.#part('.here').addEventListener('click', () => this.#listHere());
    this.#part('.pins').addEventListener('click', () => this.#showPins());
    on(log, 'retry', ({ entry }) => this.#client.retry(entry.clientId));
    on(log, 'discard', ({ entry }) => this.#discard(entry));
    this.#part('.older button').addEventListener('click', () => this.#loadOlder());
  }

  // --- Messages ---------------------------------------------------------------

  #showMessages({ messages, cause }) {
    const news = messages.filter((m) => cause === 'live' && !this.#log.has(m.id));
    this.#log.show(messages, cause);
    this.#showEdges();
    for (const m of news) {
      this.#stopTyping(m.sender.id);
      if (m.sender.id !== this.#user.id) this.dispatchEvent(new Event('news'));
    }
    this.#markRead();
  }

  /** What is before the user's eyes is read: said now and then, as each frame counts against the rate. */
  #markRead() {
    this.#marking ??= setTimeout(() => {
      this.#marking = undefined;
      if (document.visibilityState === 'visible' && this.#log.atEnd) this.#client.markRead();
    }, markEvery);
  }

  /** Who has read a message, as few words: names where there is room for them. */
  #readersOf(message) {
    const names = this.#client.reads.readersOf(message).map((id) => this.#users.find((u) => u.id === id));
    if (!names.length) return '';
    if (names.length > 2 || names.some((u) => !u)) return `Read by ${names.length}`;
    return `Read by ${names.map(firstName).join(' and ')}`;
  }

  #showEntry(entry, message) {
    if (entry.op) return this.#showChange(entry);
    if (entry.status === 'sent' && !message) return this.#log.dropEntry(entry); // an edit of what is not loaded
    this.#log.showEntry(entry, message);
    this.#showEdges();
    if (entry.status === 'failed') this.#showProblem(`Not sent: ${entry.error}`);
  }

  /** A delete, pin or reaction shows by the message; what is refused is undone and said. */
  #showChange(entry) {
    if (entry.status === 'failed') {
      this.#client.outbox.discard(entry.clientId);
      this.#showProblem(`Not done: ${entry.error}`);
    }
    this.#log.redraw(entry.messageId);
  }

  #showOwn() {
    this.#part('.role').textContent = this.#client.own.role;
    this.#part('.attach').hidden = !this.#client.own.may('upload');
    this.#log.redraw();
    this.#markRead();
  }

  /** Who is here, the user among them: as a number, which leads to the names. */
  #showHere() {
    const { online, partial } = this.#client.presence;
    const here = this.#part('.here');
    here.hidden = online === null;
    if (here.hidden) return;
    here.querySelector('span').textContent = `${online}${partial ? '+' : ''}`;
    here.setAttribute('aria-label', `Who is here: ${online}${partial ? ' or more' : ''}`);
  }

  // --- Lists ------------------------------------------------------------------

  #listHere() {
    const { users, online } = this.#client.presence;
    const rows = (all) => all.map((id) => ({ name: this.#nameOf(id), text: '', note: id === this.#user.id ? 'You' : '' }));
    this.#list.open('Here now', users ? 'Nobody is here.' : `${online} people are here: too many to name them.`, async () => rows([...(users ?? [])]));
  }

  #nameOf(id) {
    return this.#users.find((u) => u.id === id)?.name ?? 'Somebody';
  }

  #showPins() {
    this.#list.open('Pinned messages', 'Nothing is pinned yet.', async () => (await this.#client.lists.pins()).results.map(asRow));
  }

  /** On a page that is open for a day the links of files end. */
  async #renewFiles(view, then) {
    const { attachments } = await this.#client.lists.message(view.message.id).catch(() => ({}));
    if (!attachments) return; // it was deleted, or the server is away
    view.renewFiles(attachments);
    then();
  }

  #showReplies({ id }) {
    this.#list.open('Replies', 'There are none any more.', async () => (await this.#client.lists.replies(id)).results.map(asRow));
  }

  /** Few reactions name their people in the message; of many the server has the list. */
  #showWho({ id, reactions }) {
    this.#list.open('Reactions', 'There are none any more.', async () => {
      const name = (user) => this.#nameOf(user);
      if (reactions.every((r) => r.by)) return reactions.flatMap(({ emoji, by }) => by.map((user) => ({ name: name(user), text: '', note: emoji })));
      const { results } = await this.#client.lists.reactions(id);
      return results.map(({ user, emoji }) => ({ name: nameOf(user), text: '', note: emoji }));
    });
  }

  // --- Who is addressed -------------------------------------------------------

  /** The users whom a text addresses by @ and their first name, or all of them. */
  #addressedBy(content) {
    const words = content.toLowerCase().match(/@[\p{L}\p{N}]+/gu) ?? [];
    const has = (name) => words.includes(`@${name.toLowerCase()}`);
    const mentions = this.#users.filter((u) => has(firstName(u))).map((u) => u.id);
    return { mentions, mentionsAll: has('all') && this.#client.own.may('mention_all') };
  }

  #namesOf({ mentions = [], all }) {
    const names = this.#users.filter((u) => mentions.includes(u.id)).map(firstName);
    return all ? [...names, 'all'] : names;
  }

  #discard(entry) {
    this.#client.outbox.discard(entry.clientId);
    this.#log.dropEntry(entry);
    this.#showEdges();
    this.#composer.focus();
  }

  #edit(view, leave) {
    if (!view || view.editing) return;
    const { id } = view.message;
    view.openEditor((text) => {
      if (text !== null && text.trim() !== textOf(view.message)) this.#client.edit(id, text);
      leave();
    });
  }

  async #loadOlder() {
    const button = this.#part('.older button');
    button.disabled = true;
    try {
      await this.#client.loadOlder();
    } catch {
      this.#showProblem('Earlier messages could not be loaded. Please try again.');
    }
    button.disabled = false;
    if (button.hidden) this.#log.focusReading();
    else button.focus({ preventScroll: true });
  }

  #showEdges() {
    this.#part('.older button').hidden = this.#client.timeline.complete;
    this.#part('.empty').hidden = !this.#log.empty || this.#client.state.phase === 'connecting';
  }

  // --- The connection ---------------------------------------------------------

  #showState(state) {
    clearInterval(this.#countdown);
    this.element.dataset.phase = state.phase;
    this.#part('.status-text').textContent = statusText(state);
    this.#part('.announce').textContent = announcement(state);
    if (state.phase === 'waiting') {
      this.#countdown = setInterval(() => (this.#part('.status-text').textContent = statusText(state)), 250);
    }
    if (state.phase !== 'live') for (const id of [...this.#typists.keys()]) this.#stopTyping(id);
    this.#showNotice(state);
    this.#showHere();
    this.#showEdges();
    this.#markRead();
  }

  /** What people should know, and what they can do about it. */
  #showNotice({ phase, reason, retryAt }) {
    const notice = this.#part('.notice');
    const short = phase === 'waiting' && retryAt - Date.now() < noticeAfter;
    if (phase === 'connecting' || short) return; // may be over in a moment: change nothing
    notice.querySelector('p').textContent = notices[reason] ?? notices[phase] ?? '';
    const button = notice.querySelector('button');
    button.hidden = phase !== 'waiting' && phase !== 'stopped';
    button.textContent = phase === 'stopped' ? 'Connect again' : 'Try now';
    button.onclick = () => (phase === 'stopped' ? this.#client.start() : this.#client.reconnectNow());
  }

  // --- People -----------------------------------------------------------------

  #showTyping({ userId, email, isTyping }) {
    this.#stopTyping(userId);
    if (!isTyping) return;
    const name = this.#users.find((u) => u.id === userId)?.name ?? email;
    const timer = setTimeout(() => this.#stopTyping(userId), typingShown);
    this.#typists.set(userId, { name, timer });
    this.#drawTyping();
  }

  #stopTyping(userId) {
    if (!this.#typists.has(userId)) return;
    clearTimeout(this.#typists.get(userId).timer);
    this.#typists.delete(userId);
    this.#drawTyping();
  }

  #drawTyping() {
    const names = [...this.#typists.values()].map((t) => t.name);
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

const firstName = ({ name }) => name.split(' ')[0];

/** A message in few words: files without a caption by the first one's name. */
const summaryOf = (message) => textOf(message) || message.attachments?.[0].name || '';

const asRow = (message) => ({ id: message.id, name: nameOf(message.sender), text: summaryOf(message), note: moment.format(new Date(message.created_at)) });

function statusText({ phase, retryAt }) {
  const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
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
