// Mentions in a text: the @ that asks for a name, and the names that are in it. A message sends its mentions as ids.

import { around, fold, goesOn, isClose } from './fold.js';

const queryMax = 40; // characters after the @
export const mentionsMax = 20; // of a message
export const everybody = 'all';

/** What stands between an @ and the caret: {start, query}, start being the @'s place; undefined where no name is written. */
export function queryAt(text, caret) {
  const from = Math.max(0, caret - queryMax - 1);
  const start = text.lastIndexOf('@', caret - 1);
  if (start < from) return undefined;
  const query = text.slice(start + 1, caret);
  if (/^\s|[\n\r]|\s{2}/u.test(query) || goesOn(around(text, start)[0], 'a')) return undefined;
  return { start, query };
}

/** Members whose name has words that begin as those of the query, the best first. Scripts without spaces: with it anywhere. */
export function matching(members, query) {
  const wanted = fold(query).trim();
  return members
    .map((member) => ({ member, rank: rankOf(member, wanted) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank || a.member.name.localeCompare(b.member.name))
    .map(({ member }) => member);
}

function rankOf({ name, username = '' }, wanted) {
  const folded = fold(name);
  if (folded.startsWith(wanted)) return 0;
  if (wordsBegin(folded.split(/[\s\-'’.·]+/u), wanted.split(/\s+/u))) return 1;
  if (isClose(wanted) && folded.includes(wanted)) return 1;
  return fold(username).startsWith(wanted) ? 2 : 3;
}

/** Whether each of the beginnings is that of a word, in their order. */
function wordsBegin(words, beginnings) {
  let at = 0;
  return beginnings.every((b) => {
    while (at < words.length && !words[at].startsWith(b)) at++;
    return at++ < words.length;
  });
}

/**
 * Where names stand behind an @: {start, end, name}. The longest that fits counts, letters in whatever case.
 * @param names in any order
 */
export function namesIn(text, names) {
  const longest = [...names].filter(Boolean).sort((a, b) => b.length - a.length);
  const found = [];
  for (let at = text.indexOf('@'); at >= 0 && longest.length; at = text.indexOf('@', at + 1)) {
    if (goesOn(around(text, at)[0], 'a')) continue; // a mail address
    const name = longest.find((n) => standsAt(text, at + 1, n));
    if (name) found.push({ start: at, end: at + 1 + name.length, name });
  }
  return found;
}

function standsAt(text, place, name) {
  if (text.slice(place, place + name.length).toLowerCase() !== name.toLowerCase()) return false;
  const end = place + name.length;
  return !goesOn(...around(text, end));
}

/**
 * Whom a text mentions: {mentions, mentionsAll}. Those whom its writer has chosen, while their names are in it; beside them
 * whom a name or a first name, written by hand, means without doubt.
 * @param chosen {id, name} in the order in which they were chosen
 */
export function mentionsOf(text, { chosen = [], members = [], mayAll = false }) {
  const meant = new Map(); // by name: those who are meant, one for each time that it stands there
  for (const { id, name } of chosen) append(meant, fold(name), id);
  const byName = unambiguous(members, ({ name }) => name);
  const byFirst = unambiguous(members, ({ name }) => firstOf(name));
  const names = [...chosen.map((c) => c.name), ...members.flatMap(({ name }) => [name, firstOf(name)]), everybody];
  const ids = new Set();
  let mentionsAll = false;
  const chose = new Set(meant.keys());
  for (const { name } of namesIn(text, new Set(names))) {
    const key = fold(name);
    const id = meant.get(key)?.shift() ?? (chose.has(key) ? undefined : (byName.get(key) ?? byFirst.get(key)));
    if (id) ids.add(id);
    else if (key === everybody && mayAll) mentionsAll = true;
  }
  return { mentions: [...ids].slice(0, mentionsMax), mentionsAll };
}

export const firstOf = (name) => name.trim().split(/\s+/u)[0];

function append(map, key, value) {
  map.set(key, [...(map.get(key) ?? []), value]);
}

/** What members are called, and by nobody else, to their ids. */
function unambiguous(members, called) {
  const all = new Map();
  for (const member of members) append(all, fold(called(member)), member.id);
  return new Map([...all].filter(([, ids]) => ids.length === 1).map(([key, [id]]) => [key, id]));
}
