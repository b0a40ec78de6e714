// Search in the messages that are here, without regard to case and accents.

import { fold, foldWithPlaces } from './fold.js';

/** TextSearch remembers how each message is compared: a page searches with every key. */
export class TextSearch {
  #folded = new WeakMap(); // message → {text, folded}

  /** The messages that have the query in their text or in a file's name, in their order. */
  find(messages, query) {
    const wanted = asWanted(query);
    if (!wanted) return [];
    return messages.filter((m) => !m.deleted_at && m.message_type !== 'system' && this.#of(m).includes(wanted));
  }

  #of(message) {
    const text = searchedOf(message);
    const known = this.#folded.get(message);
    if (known?.text === text) return known.folded;
    const folded = fold(text);
    this.#folded.set(message, { text, folded });
    return folded;
  }
}

function searchedOf(message) {
  const text = message.caption ?? message.content;
  return [text, ...(message.attachments ?? []).map((a) => a.name)].join('\n');
}

const asWanted = (query) => fold(query.trim());

/** Where a text has the query: [start, end] of each place. */
export function placesIn(text, query) {
  const wanted = asWanted(query);
  if (!wanted) return [];
  const { text: folded, at } = foldWithPlaces(text);
  const places = [];
  for (let i = folded.indexOf(wanted); i >= 0; i = folded.indexOf(wanted, i + wanted.length)) {
    let last = i + wanted.length;
    while (at[last] === at[last - 1]) last++; // within one letter of the original
    places.push([at[i], at[last]]);
  }
  return places;
}
