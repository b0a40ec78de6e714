// What somebody has written, as nodes. All text goes in as text nodes, never as markup.

/** The nodes of a content, in which the names that it addresses stand out. `names` are those that the message mentions. */
export function textNodes(text, { names }) {
  if (!names.length) return [document.createTextNode(text)];
  const escaped = names.map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return text.split(new RegExp(`(@(?:${escaped.join('|')})(?![\\p{L}\\p{N}]))`, 'iu')).map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    return Object.assign(document.createElement('span'), { className: 'mention', textContent: part });
  });
}
