// Texts compared as people compare them: without regard to case, accents and widths of letters.

/** Letters that Unicode does not take apart. */
const alike = { ø: 'o', ł: 'l', đ: 'd', ħ: 'h', ŧ: 't', æ: 'ae', œ: 'oe', ð: 'd', þ: 'th' };
const plain = /^[\x20-\x7e]*$/;
/** What stands on a letter: accents, points of Hebrew and of Arabic. Vowels of Indian scripts are letters, and so is what a Kana sounds by. */
const marks = /(?![\u3099\u309a])\p{Script=Inherited}|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640]/gu;
/** Scripts that write words without a space between them, or endings close to a name. */
const close = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々]/u;
const wordy = /^[\p{L}\p{N}\p{M}_]/u;

/** The text, as it is compared. */
export function fold(text) {
  return plain.test(text) ? text.toLowerCase() : Array.from(text, foldOne).join('');
}

/** The text as it is compared, and for each of its places, and its end, where that is in the original. */
export function foldWithPlaces(text) {
  const at = [];
  let folded = '';
  let place = 0;
  for (const character of text) {
    const is = foldOne(character);
    for (let i = 0; i < is.length; i++) at.push(place);
    folded += is;
    place += character.length;
  }
  at.push(text.length);
  return { text: folded, at };
}

function foldOne(character) {
  if (plain.test(character)) return character.toLowerCase();
  const bare = character.normalize('NFKD').replace(marks, '');
  return Array.from(bare, (c) => {
    const lower = c.toUpperCase().toLowerCase();
    return alike[lower] ?? lower;
  }).join('');
}

/** Whether a word goes on from one character to the next: between those of a script without spaces it may end anywhere. */
export function goesOn(before, after) {
  return wordy.test(before) && wordy.test(after) && !close.test(before) && !close.test(after);
}

/** Whether words of the text are written without spaces. */
export const isClose = (text) => close.test(text);

/** The character that ends at a place of a text, and the one that begins there; empty where there is none. */
export function around(text, place) {
  const low = text.charCodeAt(place - 1);
  const before = low >= 0xdc00 && low <= 0xdfff && place > 1 ? text.slice(place - 2, place) : text.slice(Math.max(0, place - 1), place);
  const point = text.codePointAt(place);
  return [before, point === undefined ? '' : String.fromCodePoint(point)];
}
