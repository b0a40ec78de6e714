// How long a message is, as the server counts it: code points, without the white space at its ends.

const white = /^\p{White_Space}$/u;
const near = 500; // characters before the limit at which one is told
export const limitDefault = 10_000;

/** The length of a message. */
export function lengthOf(text) {
  let start = 0;
  let end = text.length;
  while (start < end && white.test(text[start])) start++;
  while (end > start && white.test(text[end - 1])) end--;
  let length = end - start;
  for (let i = start + 1; i < end; i++) {
    if (isLow(text, i) && isHigh(text, i - 1)) length--;
  }
  return length;
}

const isHigh = (text, i) => (text.charCodeAt(i) & 0xfc00) === 0xd800;
const isLow = (text, i) => (text.charCodeAt(i) & 0xfc00) === 0xdc00;

/** What is to be said of a length: nothing while it is far from the limit. `over`: it cannot be sent. */
export function sayLength(length, limit) {
  const left = limit - length;
  if (left < 0) return { text: `${spell(-left)} too many`, over: true };
  if (left > Math.min(near, limit / 5)) return { text: '', over: false };
  return { text: `${spell(left)} left`, over: false };
}

const spell = (n) => `${n.toLocaleString('en')} ${n === 1 ? 'character' : 'characters'}`;

/** The limit that a refusal names; undefined where it is about something else. */
export function limitOf({ code, error }) {
  if (code !== 'too_long') return undefined;
  return Number(/max (\d+)/.exec(error)?.[1]) || undefined;
}
