// Finds emoji by words, and remembers those that were used last.

import { groups } from './emoji-data.js';
import { fold } from './fold.js';

const recentMax = 16;
const foundMax = 48;
const key = 'caravan.emoji.recent';
const all = groups.flatMap((g) => g.emoji);
const byCharacter = new Map(all.map((e) => [e.character, e]));

/** Emoji whose words begin as those of the query, in whatever order; those that begin with it come first. */
export function searchEmoji(query) {
  const wanted = fold(query).split(/\s+/u).filter(Boolean);
  if (!wanted.length) return [];
  const found = all.filter(({ name }) => wanted.every((w) => name.split(' ').some((word) => word.startsWith(w))));
  const first = ({ name }) => (name.startsWith(wanted[0]) ? 0 : 1);
  return found.sort((a, b) => first(a) - first(b)).slice(0, foundMax);
}

export const nameOfEmoji = (character) => byCharacter.get(character)?.name ?? character;

/** What was used last, in front. The store may be forbidden, full, or hold something else. */
export function recentEmoji(store) {
  try {
    const list = JSON.parse(store.getItem(key));
    return list.filter((c) => byCharacter.has(c)).slice(0, recentMax).map((c) => byCharacter.get(c));
  } catch {
    return [];
  }
}

export function useEmoji(store, character) {
  const list = [character, ...recentEmoji(store).map((e) => e.character).filter((c) => c !== character)];
  try {
    store.setItem(key, JSON.stringify(list.slice(0, recentMax)));
  } catch {
    // it is remembered by nobody
  }
}
