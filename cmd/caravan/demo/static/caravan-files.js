// Uploads for one room of Caravan, and the smaller images that go with photos.

import { RestError } from './caravan-rest.js';

const previewPixels = 480; // of the longer side
const previewBytes = 100 * 1024; // what the server takes
const qualities = [0.8, 0.6, 0.4];

/**
 * Files uploads to the room of `trip`. The promises reject with a RestError where the server says
 * no, with an AbortError where `signal` does, and with another error where it cannot be reached.
 */
export class Files {
  #origin;
  #trip;
  #token;

  /** @param token (fresh: boolean) => Promise<string>; see CaravanClient. */
  constructor(origin, trip, token) {
    this.#origin = origin;
    this.#trip = trip;
    this.#token = token;
  }

  /** Uploads a file, with its preview where it is a photo; resolves to what the server knows of it. */
  async upload(file, { onProgress, signal } = {}) {
    const path = `/api/v1/chat/rooms/${this.#trip}/attachments/?name=${encodeURIComponent(nameOf(file))}`;
    const attachment = await this.#send('POST', path, file, { onProgress, signal });
    const small = await previewOf(file).catch(() => null); // the browser does not know the format
    if (!small) return attachment;
    return this.#send('PUT', `/api/v1/chat/attachments/${attachment.id}/preview/`, small, { signal }).catch((error) => {
      if (error.name === 'AbortError') throw error;
      return attachment; // it is shown without one
    });
  }

  async #send(method, path, body, options) {
    const answer = await this.#once(method, path, body, options, await this.#token(false));
    if (answer.status !== 401) return read(answer);
    return read(await this.#once(method, path, body, options, await this.#token(true)));
  }

  /** XMLHttpRequest, because fetch does not tell how much of a body has gone out. */
  #once(method, path, body, { onProgress, signal }, token) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted(); // while the token was fetched
      const request = new XMLHttpRequest();
      request.open(method, this.#origin + path);
      request.setRequestHeader('Authorization', `Bearer ${token}`);
      request.setRequestHeader('Content-Type', body.type || 'application/octet-stream');
      request.upload.addEventListener('progress', (e) => onProgress?.(e.loaded / (e.total || 1)));
      request.addEventListener('load', () => resolve(request));
      request.addEventListener('error', () => reject(new Error('The file could not be sent')));
      request.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError')));
      const abort = () => request.abort();
      signal?.addEventListener('abort', abort);
      request.addEventListener('loadend', () => signal?.removeEventListener('abort', abort));
      request.send(body);
    });
  }
}

function read(request) {
  let body;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // A proxy's own answer.
  }
  if (request.status >= 200 && request.status < 300) return body;
  throw new RestError(request.status, body, 1000 * (Number(request.getResponseHeader('Retry-After')) || 1));
}

/** A name that the server takes: what is pasted has none. */
function nameOf(file) {
  const name = file.name.replace(/[\\/\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '_');
  if (/^\.{0,2}$/.test(name)) return 'file';
  const [extension] = /(\.[^.]{1,10})?$/u.exec(name);
  const stem = [...name.slice(0, name.length - extension.length)];
  return stem.slice(0, 80 - extension.length).join('') + extension;
}

/** Draws an image file, on a colour if there is one, into a canvas whose longer side has at most so many pixels. */
export async function draw(file, pixels, colour) {
  if (!file.type.startsWith('image/') || file.type === 'image/svg+xml') return null;
  const image = await createImageBitmap(file);
  const scale = Math.min(1, pixels / Math.max(image.width, image.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext('2d');
  if (colour) {
    context.fillStyle = colour;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return canvas;
}

/** A JPEG that is small enough for a preview, or null. */
async function previewOf(file) {
  const canvas = await draw(file, previewPixels, 'white'); // a JPEG has nothing to be seen through
  if (!canvas) return null;
  for (const quality of qualities) {
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
    if (blob && blob.size <= previewBytes) return blob;
  }
  return null;
}
