// The demo page: which users and which trip are on it. See chat-pane.js for a pane; ./client/ is the JavaScript client
// of Caravan, through which the page speaks with the server.

import { ChatPane } from './chat-pane.js';
import { orLongPoll } from './client/fallback.js';
import { Caravan } from './client/index.js';
import { Rooms } from './client/rooms.js';

const store = { get: (key) => localStorage.getItem(key), set: (key, value) => localStorage.setItem(key, value) };

const { users, trips } = await getJSON('/demo/config.json');
const query = new URLSearchParams(location.search);
const trip = pick(trips, query.get('trip')) ?? trips[0];
const alone = pick(users, query.get('user')); // one user on the page; undefined: side by side
const shown = alone ? [alone] : users.slice(0, 2);

nameTrip();
linkViews();
const panes = shown.map(openPane);
if (!alone) offerSwitch();

/** The Nth of the list, from 1, as the address names users and trips. */
function pick(list, number) {
  return list[Number(number) - 1];
}

function address(user, toTrip) {
  const parts = new URLSearchParams();
  if (user) parts.set('user', users.indexOf(user) + 1);
  if (toTrip !== trips[0]) parts.set('trip', trips.indexOf(toTrip) + 1);
  return `/?${parts}`.replace(/\?$/, '');
}

function nameTrip() {
  document.title = `${trip.title} · Caravan`;
  const title = document.querySelector('#trip-title');
  title.textContent = trip.title;
  const select = document.querySelector('#trip-select');
  for (const t of trips) select.add(new Option(t.title, address(alone, t), false, t === trip));
  select.addEventListener('change', () => location.assign(select.value));
  if (trips.length < 2) return;
  select.parentElement.hidden = false; // it shows the title, and is a choice
  title.className = 'unseen';
}

function linkViews() {
  const nav = document.querySelector('#views');
  for (const user of [undefined, ...users]) {
    const a = document.createElement('a');
    a.href = address(user, trip);
    a.textContent = user ? user.name.split(' ')[0] : 'Side by side';
    if (user) a.setAttribute('aria-label', user.name);
    a.dir = 'auto';
    if (user === alone) a.setAttribute('aria-current', 'page');
    nav.append(a);
  }
}

function openPane(user) {
  const caravan = new Caravan({ token: tokenOf(user), user: user.id, store: keeps() ? store : undefined, socket: orLongPoll() });
  const rooms = new Rooms(caravan);
  const addressOf = (id) => address(alone, trips.find((t) => t.id === id) ?? trip);
  const pane = new ChatPane({ caravan, rooms, user, users, trips, trip, addressOf, keeps: keeps(), href: alone ? '' : address(user, trip) });
  document.querySelector('#panes').append(pane.element);
  return pane;
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

/** On a narrow window only one of the panes is seen; these buttons choose it. */
function offerSwitch() {
  const group = document.querySelector('#switch');
  const main = document.querySelector('#panes');
  const buttons = shown.map((user, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(Object.assign(document.createElement('bdi'), { textContent: user.name }));
    button.addEventListener('click', () => select(i));
    group.append(button);
    panes[i].addEventListener('news', () => main.dataset.shown !== String(i) && unread(i, 1));
    return button;
  });
  const counts = shown.map(() => 0);

  function unread(i, more) {
    counts[i] = more ? counts[i] + more : 0;
    buttons[i].querySelector('.count')?.remove();
    if (!counts[i]) return;
    const badge = document.createElement('span');
    badge.className = 'count';
    const unit = Object.assign(document.createElement('span'), { className: 'unseen', textContent: ' new' });
    badge.append(String(counts[i]), unit);
    buttons[i].append(badge);
  }

  function select(i) {
    main.dataset.shown = i;
    buttons.forEach((b, at) => b.setAttribute('aria-pressed', at === i));
    unread(i, 0);
  }

  group.hidden = false;
  select(0);
}

async function getJSON(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}
