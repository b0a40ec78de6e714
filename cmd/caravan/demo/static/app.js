// The demo page: which users and which trip are on it. See chat-pane.js for a pane; ./client/ is the JavaScript client
// of Caravan, through which the page speaks with the server.

import { ChatPane } from './chat-pane.js';
import { orLongPoll } from './client/fallback.js';
import { Caravan } from './client/index.js';
import { Rooms } from './client/rooms.js';
import { directionOf } from './direction.js';
import { nameTab } from './drafts.js';
import { sayThatItFailed } from './failure.js';
import { HelpDialog } from './help-dialog.js';
import { badge, full } from './room-list.js';

const store = { get: (key) => localStorage.getItem(key), set: (key, value) => localStorage.setItem(key, value) };
const main = document.querySelector('#panes');
const direction = new URLSearchParams(location.search).get('dir');
document.documentElement.dir = directionOf(navigator.language, direction);
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const tab = keeps() ? nameTab(sessionStorage, window) : '';
const help = new HelpDialog();

/** Who and what there is; undefined where the server did not say. */
const config = await getJSON('/demo/config.json').catch(() => undefined);
if (!config) sayThatItFailed('The chat cannot be loaded: the server does not answer, or is not a development server. ');
else if (config.users.length && config.trips.length) show(config);
else sayThatItFailed('There is no trip to chat in yet. ');

function show({ users, trips }) {
  const query = () => new URLSearchParams(location.search);
  const asked = () => tripOf(query().get('trip') ?? '');
  const alone = pick(users, query().get('user')); // one user on the page; undefined: side by side
  const shown = alone ? [alone] : users.slice(0, 2);

  document.querySelector('.fatal').remove();
  if (alone) main.dataset.alone = '';
  const follow = []; // what leads elsewhere, and keeps the trip that is open
  linkViews();
  const panes = shown.map(openPane);
  if (!alone) offerSwitch();
  help.listen({ search: () => focusedPane().search() });
  if (alone) followHistory();
  relink();
  showTitle();

  /** The Nth of the list, from 1, as the address names users and trips. */
  function pick(list, number) {
    return list[Number(number) - 1];
  }

  /** The address has a number for the trips that the page knows from the start, and the id of each other one. */
  function tripOf(text) {
    return pick(trips, text) ?? (uuid.test(text) ? { id: text.toLowerCase(), title: '' } : trips[0]);
  }

  function address(user, id) {
    const at = trips.findIndex((trip) => trip.id === id);
    const parts = new URLSearchParams();
    if (user) parts.set('user', users.indexOf(user) + 1);
    if (at) parts.set('trip', at < 0 ? id : at + 1);
    if (direction) parts.set('dir', direction);
    return `/?${parts}`.replace(/\?$/, '');
  }

  /** The trip that is open for a user, or else in the pane that is in front. */
  function tripFor(user) {
    return (panes[shown.indexOf(user)] ?? focusedPane() ?? panes[0]).trip;
  }

  function relink() {
    for (const { link, user } of follow) link.href = address(user, tripFor(user));
    if (!alone) panes.forEach((pane, i) => (pane.href = address(shown[i], pane.trip)));
  }

  function linkViews() {
    const nav = document.querySelector('#views');
    for (const user of [undefined, ...users]) {
      const a = document.createElement('a');
      follow.push({ link: a, user });
      a.textContent = user ? firstName(user) : 'Side by side';
      if (user) a.setAttribute('aria-label', user.name);
      else a.dataset.both = '';
      a.dir = 'auto';
      if (user === alone) a.setAttribute('aria-current', 'page');
      nav.append(a);
    }
  }

  function openPane(user) {
    const kept = keeps();
    const caravan = new Caravan({ token: tokenOf(user), user: user.id, store: kept ? store : undefined, socket: orLongPoll() });
    const rooms = new Rooms(caravan);
    rooms.on('rooms', () => queueMicrotask(showTitle));
    const addressOf = (id) => address(alone, id);
    const pane = new ChatPane({ caravan, rooms, user, users, trips, trip: asked(), addressOf, tab, help, keeps: kept, href: alone ? '' : address(user, asked().id) });
    pane.addEventListener('open', relink);
    main.append(pane.element);
    return Object.assign(pane, { rooms });
  }

  /** The pane in which somebody is, or the first one in sight. */
  function focusedPane() {
    return panes.find(({ element }) => element.contains(document.activeElement)) ?? panes.find(({ element }) => element.checkVisibility());
  }

  /** The title says what is unread: a tab that is not looked at shows no more than that. */
  function showTitle() {
    const unread = panes?.reduce((sum, pane) => sum + pane.rooms.unread, 0);
    document.title = `${unread ? `(${full(unread)}) ` : ''}${panes?.[0].title ?? ''} · Caravan`;
  }

  /** On a page of one user the address follows the trip, and the browser's way back leads from a room to the list. */
  function followHistory() {
    const [pane] = panes;
    history.replaceState({ view: 'room' }, '');
    const push = (view, url) => history.pushState({ view, before: history.state.view }, '', url);
    pane.addEventListener('open', ({ detail }) => {
      push('room', detail.address);
      showTitle();
    });
    pane.addEventListener('list', () => (history.state.before === 'list' ? history.back() : push('list')));
    addEventListener('popstate', ({ state }) => {
      pane.open(asked().id);
      pane.view = state?.view ?? 'room';
      relink();
      showTitle();
    });
  }

  /** On a narrow window only one of the panes is seen; these buttons choose it. The others have pages of their own. */
  function offerSwitch() {
    const group = document.querySelector('#switch');
    const buttons = shown.map((user, i) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(Object.assign(document.createElement('bdi'), { textContent: firstName(user) }));
      button.setAttribute('aria-label', user.name);
      button.addEventListener('click', () => select(i));
      group.append(button);
      panes[i].addEventListener('news', () => main.dataset.shown !== String(i) && unread(i, 1));
      return button;
    });
    for (const user of users.slice(shown.length)) {
      const a = Object.assign(document.createElement('a'), { textContent: firstName(user), dir: 'auto' });
      follow.push({ link: a, user });
      a.setAttribute('aria-label', user.name);
      group.append(a);
    }
    const counts = shown.map(() => 0);

    function unread(i, more) {
      counts[i] = more ? counts[i] + more : 0;
      buttons[i].querySelector('.count')?.remove();
      buttons[i].setAttribute('aria-label', counts[i] ? `${shown[i].name}, ${counts[i]} new` : shown[i].name);
      if (counts[i]) buttons[i].append(badge('count', full(counts[i]), 'new'));
    }

    function select(i) {
      main.dataset.shown = i;
      buttons.forEach((b, at) => b.setAttribute('aria-pressed', at === i));
      unread(i, 0);
      relink();
    }

    group.hidden = false;
    select(0);
  }
}

function firstName({ name }) {
  return name.split(' ')[0];
}

/** Whether the browser keeps what a page stores: people may forbid it. */
function keeps() {
  try {
    localStorage.setItem('caravan', '');
    localStorage.removeItem('caravan');
    return true;
  } catch {
    return false;
  }
}

/** A user's tokens: one is kept until the server refuses it. */
function tokenOf(user) {
  let token;
  return async (fresh) => {
    if (fresh || !token) token = (await getJSON(`/demo/token?user=${user.id}`)).token;
    return token;
  };
}

async function getJSON(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}
