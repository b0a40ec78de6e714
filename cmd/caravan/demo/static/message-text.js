// What somebody has written, as nodes of the page: its links and mentions stand out. Never markup.

import { linksIn } from './links.js';
import { namesIn } from './mention-text.js';
import { placesIn } from './search-text.js';

/**
 * A text in pieces, in their order: {text, kind: 'text' | 'link' | 'mention', href, own}.
 * @param mentions {name, own} of whom the message mentions; own: the reader, or everybody
 */
export function piecesOf(text, mentions = []) {
  const links = linksIn(text).map((l) => ({ ...l, kind: 'link' }));
  const names = namesIn(text, mentions.map((m) => m.name)).filter((n) => !links.some((l) => n.start < l.end && l.start < n.end));
  const own = (name) => mentions.some((m) => m.own && m.name === name);
  const marked = [...links, ...names.map((n) => ({ ...n, kind: 'mention', own: own(n.name) }))].sort((a, b) => a.start - b.start);
  const pieces = [];
  let at = 0;
  for (const { start, end, kind, href, own: isOwn } of [...marked, { start: text.length, end: text.length }]) {
    if (start > at) pieces.push({ text: text.slice(at, start), kind: 'text' });
    if (kind) pieces.push({ text: text.slice(start, end), kind, href, own: isOwn });
    at = end;
  }
  return pieces;
}

/** The nodes of a text. */
export function textNodes(text, { mentions = [] } = {}) {
  return piecesOf(text, mentions).map((piece) => {
    const node = document.createTextNode(piece.text);
    if (piece.kind === 'text') return node;
    const element = document.createElement(piece.kind === 'link' ? 'a' : 'bdi');
    element.append(node);
    if (piece.kind === 'link') asLink(element, piece);
    else element.className = piece.own ? 'mention own' : 'mention';
    return element;
  });
}

function asLink(element, { text, href }) {
  element.className = 'link';
  element.dir = 'ltr';
  element.target = '_blank';
  element.rel = 'noopener noreferrer';
  element.href = href;
  const to = new URL(href);
  if (to.host && !text.toLowerCase().includes(to.host)) element.title = href; // letters that look like others lead elsewhere
}

/** Marks what a search has found in an element that textNodes has filled; without a query nothing is marked any more. */
export function markFound(element, query) {
  for (const mark of element.querySelectorAll('mark')) mark.replaceWith(...mark.childNodes);
  element.normalize();
  const places = placesIn(element.textContent, query ?? '');
  if (!places.length) return;
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  for (let at = 0, node; (node = texts.nextNode()); at += node.length) nodes.push([node, at]);
  for (const [node, at] of nodes) markIn(node, places.map(([s, e]) => [s - at, e - at]).filter(([s, e]) => s < node.length && e > 0));
}

function markIn(node, places) {
  for (const [start, end] of places.reverse()) {
    const from = Math.max(0, start);
    const found = from ? node.splitText(from) : node;
    if (end - from < found.length) found.splitText(end - from);
    const mark = document.createElement('mark');
    found.replaceWith(mark);
    mark.append(found);
  }
}
