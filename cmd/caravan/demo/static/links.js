// Addresses in what people write: of the web and of mail, and of nothing else.

import { around } from './fold.js';

const addressMax = 2_048; // characters of a link
const localMax = 64; // characters before the @ of a mail address
const begins = /https?:\/\/|www\./gi;
/** What no address has: space, controls, quotes, marks that turn the direction or are not seen, and the punctuation of Chinese and Japanese. */
const ends = /[\s\p{Cc}\p{Bidi_Control}\u200b\u2060\ufeff<>"“”„«»`{}|\\^\u3001-\u3003\u3008-\u3011\u3014-\u301b\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]/u;
/** What belongs to the sentence and not to the address that it ends with. */
const trailing = /[.,;:!?'’*…،؛؟।]/u;
const localPart = /[\p{L}\p{N}._%+-]/u;
const domain = /^(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.){1,8}[\p{L}\p{M}]{2,63}(?![\p{L}\p{N}])/u;
const namedHost = /^www\.(?:[\p{L}\p{M}\p{N}-]+\.)+[\p{L}\p{M}]{2,}$/iu;

/** The links in a text, in their order: {start, end, href}. What stands between start and end is what was written. */
export function linksIn(text) {
  const found = [...webIn(text)];
  for (const mail of mailsIn(text)) {
    if (!found.some((f) => mail.start < f.end && f.start < mail.end)) found.push(mail);
  }
  return found.sort((a, b) => a.start - b.start);
}

function* webIn(text) {
  begins.lastIndex = 0;
  for (let hit; (hit = begins.exec(text)); ) {
    const start = hit.index;
    if (inWord(around(text, start)[0])) continue;
    const end = start + trimmed(upToEnd(text, start)).length;
    const href = hrefOf(text.slice(start, end));
    if (!href) continue;
    yield { start, end, href };
    begins.lastIndex = end;
  }
}

/** Whether an address cannot begin behind a character. Letters without case are of scripts that often have no space there. */
const inWord = (before) => /[\w@/.-]/.test(before) || (before > '\x7f' && /[\p{Lu}\p{Ll}\p{N}]/u.test(before));

/** The address as a browser opens it; nothing where it is none, or hides behind a name where it leads to. */
function hrefOf(written) {
  const named = /^www\./i.test(written);
  let url;
  try {
    url = new URL(named ? `https://${written}` : written);
  } catch {
    return undefined;
  }
  if (!/^https?:$/.test(url.protocol) || url.username || url.password) return undefined;
  if (named && !namedHost.test(written.split(/[/?#:]/)[0])) return undefined;
  return url.href;
}

function upToEnd(text, start) {
  const most = text.slice(start, start + addressMax);
  const at = most.search(ends);
  return at < 0 ? most : most.slice(0, at);
}

/** An address without the punctuation of the sentence, and without a bracket that was opened before it. */
function trimmed(address) {
  const alone = { ')': unopened(address, '(', ')'), ']': unopened(address, '[', ']') };
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (alone[last] > 0) alone[last]--;
    else if (!trailing.test(last)) break;
  }
  return address.slice(0, end);
}

const unopened = (text, open, closed) => text.split(closed).length - text.split(open).length;

function* mailsIn(text) {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start < localMax && localPart.test(text[start - 1])) start--;
    while (start < at && /[.%+-]/.test(text[start])) start++; // of the sentence before it
    if (start === at || text[at - 1] === '.' || /[/@]/.test(text[start - 1] ?? '')) continue;
    const host = domain.exec(text.slice(at + 1, at + 256))?.[0];
    if (!host) continue;
    const end = at + 1 + host.length;
    yield { start, end, href: `mailto:${encodeURIComponent(text.slice(start, at))}@${host}` };
  }
}
