// The files of a message on the page.

const photoBox = { width: 288, height: 256 }; // px, in which a photo is shown
const units = ['bytes', 'KB', 'MB', 'GB'];

/** A message in few words: files without a caption by the first one's name. */
export const summaryOf = (message) => textOf(message) || message.attachments?.[0].name || '';

/** What somebody has written: of files their caption. */
export function textOf(message) {
  return message.caption ?? message.content;
}

/**
 * Draws files into an element: photos as such, others as links. Where one is wanted whose link is
 * over, the element tells 'expired' {then}: draw them with new links, and call that.
 */
export function drawFiles(element, attachments = []) {
  const ids = attachments.map(({ id, url }) => (url ? id : `${id} without a link`)).join();
  element.hidden = !attachments.length;
  if (element.dataset.ids === ids) return attachments.forEach((a, i) => renew(element.children[i], a));
  element.dataset.ids = ids;
  element.replaceChildren(...attachments.map((a) => (a.width && isShown(a.mime) ? photo(a) : link(a))));
}

/** Gives a file its new link. A photo that is shown already is not loaded again. */
function renew(link, a) {
  if (!a.url) return;
  link.href = a.url;
  link.dataset.until = a.expires_at;
  const image = link.querySelector('img');
  if (image && !image.naturalWidth) image.src = a.preview_url ?? a.url;
}

const isOver = (link) => Date.parse(link.dataset.until) <= Date.now();

function tellExpired(link, then = () => {}) {
  link.dispatchEvent(new CustomEvent('expired', { bubbles: true, detail: { then } }));
}

const isShown = (mime) => ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'].includes(mime);

function photo(a) {
  const link = anchor(a);
  const image = document.createElement('img');
  image.alt = a.name;
  const scale = Math.min(1, photoBox.width / a.width, photoBox.height / a.height);
  image.width = Math.max(1, Math.round(a.width * scale)); // it has its room before it is loaded
  image.height = Math.max(1, Math.round(a.height * scale));
  image.loading = 'lazy';
  image.addEventListener('error', () => isOver(link) && tellExpired(link));
  image.src = a.preview_url ?? a.url;
  link.className = 'photo';
  link.append(image);
  return link;
}

function link(a) {
  if (!a.url) return Object.assign(document.createElement('span'), { className: 'download', textContent: a.name }); // of a page before
  const link = anchor(a);
  link.className = 'download';
  link.append(Object.assign(document.createElement('bdi'), { textContent: a.name }), ` (${sizeOf(a.size)})`);
  return link;
}

function anchor({ url, expires_at: until }) {
  const link = Object.assign(document.createElement('a'), { href: url, target: '_blank', rel: 'noopener' });
  link.dataset.until = until;
  link.addEventListener('click', (e) => {
    if (!isOver(link)) return;
    e.preventDefault();
    tellExpired(link, () => isOver(link) || link.click());
  });
  return link;
}

function sizeOf(bytes) {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(2))} ${units[power]}`;
}
