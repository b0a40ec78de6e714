// Files: uploads, previews, and links that work.

import { backoff, willPass } from './backoff.js';
import { Emitter } from './emitter.js';
import { CaravanError } from './outbox.js';

const triesMax = 5; // of what is refused for a time
const linkSpare = 60_000; // ms: a link that ends sooner is made anew
const nameMax = 80; // characters
const nameBytes = 255; // what the server takes
const quietMax = 90_000; // ms without progress, after which a call is given up: a scanner may look at a file for a minute
const slowest = 4; // bytes a millisecond, where nobody tells of progress
const previewPixels = 480; // of the longer side
const previewBytes = 100 * 1024; // what the server takes
const qualities = [0.8, 0.6, 0.4];

/** Attachments uploads files to rooms, and gives links to those of messages. */
export class Attachments {
  #caravan;

  constructor(caravan) {
    this.#caravan = caravan;
  }

  /** Begins to upload a Blob to a room. Without a preview one is made, where it is a photo and this is a browser. */
  upload(room, file, { name = file.name ?? '', preview = () => previewOf(file) } = {}) {
    return new Upload(this.#caravan, room.id ?? room, file, nameOf(name), preview);
  }

  /** A link to an attachment of a message, or to its preview, that works for a minute at least. Whoever has it can read the file. */
  async link(message, attachment, { preview = false } = {}) {
    let found = attachment;
    if (Date.parse(attachment.expires_at) - Date.now() < linkSpare) {
      const now = await this.#caravan.rest('GET', `messages/${message.id}/`);
      found = now.attachments?.find((a) => a.id === attachment.id);
      if (!found) throw new CaravanError('not_found', 'The file is gone');
    }
    return new URL((preview && found.preview_url) || found.url, this.#caravan._url).href;
  }

  /** The bytes of an attachment, as a Blob, with the token of the user and without a link. */
  async download(attachment) {
    const path = `attachments/${attachment.id}/`;
    const { status, blob, text } = await withToken(this.#caravan, (token) => fetched(this.#caravan, 'GET', path, token, { size: attachment.size }));
    if (status && status < 300) return blob;
    throw refusal(status, text);
  }
}

/**
 * Upload is one file on its way. What fails for a time is tried again by itself; what ends it is tried again by `retry`. Once
 * the file is stored no more than its preview is sent again, so a message never has it twice.
 */
class Upload extends Emitter {
  /** 'uploading', 'done', 'failed' or 'cancelled' */
  state = 'uploading';
  /** From 0 to 1. */
  progress = 0;
  /** What the server knows of it, once it is stored. */
  attachment;
  /** CaravanError, when it has failed or is cancelled. */
  error;
  /** Settles with the attachment, or with the error of this attempt. */
  done;

  #caravan;
  #room;
  #file;
  #preview;
  #stop;

  constructor(caravan, room, file, name, preview) {
    super();
    Object.assign(this, { name, size: file.size });
    this.#caravan = caravan;
    this.#room = room;
    this.#file = file;
    this.#preview = preview;
    this.#begin();
  }

  /** Gives up. Nothing is left of what was not sent whole. */
  cancel() {
    if (this.state === 'uploading') this.#stop.abort(new CaravanError('cancelled', 'The upload was given up'));
  }

  /** Tries again what has failed. Returns `done`. */
  retry() {
    if (this.state === 'failed' || this.state === 'cancelled') this.#begin();
    return this.done;
  }

  #begin() {
    this.#stop = new AbortController();
    this.error = undefined;
    this.#become('uploading');
    this.done = this.#work().then(
      () => {
        this.#advance(1);
        this.#become('done');
        return this.attachment;
      },
      (error) => {
        this.error = error;
        this.#become(error.code === 'cancelled' ? 'cancelled' : 'failed');
        throw error;
      },
    );
    this.done.catch(() => {}); // who does not look at it hears by `state`
  }

  async #work() {
    if (!this.attachment) {
      const path = `rooms/${this.#room}/attachments/?name=${encodeURIComponent(this.name)}`;
      this.attachment = await this.#send('POST', path, this.#file, (part) => this.#advance(part));
    }
    const small = await Promise.resolve(typeof this.#preview === 'function' ? this.#preview() : this.#preview).catch(() => null); // of a format that is not known here
    this.#stop.signal.throwIfAborted(); // while it was made
    if (!small) return;
    try {
      this.attachment = await this.#send('PUT', `attachments/${this.attachment.id}/preview/`, small);
    } catch (error) {
      if (error.code === 'cancelled') throw error; // otherwise it is shown without one
    }
  }

  /** Sends a body, several times where the refusal will pass. */
  async #send(method, path, body, advance) {
    const { signal } = this.#stop;
    for (let n = 1; ; n++) {
      const { status, text, after } = await withToken(this.#caravan, (token) => {
        signal.throwIfAborted(); // while the token was fetched
        return (globalThis.XMLHttpRequest ? requested : fetched)(this.#caravan, method, path, token, { body, signal, advance });
      });
      if (status >= 200 && status < 300) return JSON.parse(text);
      const error = refusal(status, text);
      if (n === triesMax || !willPass(error.code)) throw error;
      await pause(Math.max(after * 1_000, backoff(n)), signal);
    }
  }

  #advance(part) {
    if (part === this.progress) return;
    this.progress = part;
    this._emit('progress', part);
  }

  #become(state) {
    this.state = state;
    this._emit('state', state);
  }
}

// --- Calls --------------------------------------------------------------------------------------

/** Does a call, and once more with a fresh token where that one is refused. */
async function withToken(caravan, call) {
  const answer = await call(await tokenOf(caravan, false));
  return answer.status === 401 ? call(await tokenOf(caravan, true)) : answer;
}

async function tokenOf(caravan, fresh) {
  try {
    return await caravan._token(fresh);
  } catch (cause) {
    throw new CaravanError('unreachable', cause.message, { cause });
  }
}

const addressOf = (caravan, path) => `${caravan._url}/api/v1/chat/${path}`;
const typeOf = (body) => body.type || 'application/octet-stream';

/** By XMLHttpRequest, because fetch does not tell how much of a body has gone out. A status of 0 says that nothing has answered. */
function requested(caravan, method, path, token, { body, signal, advance }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, addressOf(caravan, path));
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.setRequestHeader('Content-Type', typeOf(body));
    const nothing = { status: 0, text: '', after: 0 };
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        resolve(nothing);
        request.abort();
      }, quietMax);
    };
    request.upload.onprogress = (e) => {
      wait();
      advance?.(e.loaded / (e.total || 1));
    };
    request.onprogress = wait;
    const abort = () => request.abort();
    signal.addEventListener('abort', abort);
    request.onabort = () => reject(signal.reason);
    request.onerror = () => resolve(nothing);
    request.onload = () => resolve({ status: request.status, text: request.responseText, after: Number(request.getResponseHeader('Retry-After')) || 0 });
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    wait();
    request.send(body);
  });
}

/** By fetch, with the time that so many bytes take on a slow network: it tells of no progress. */
async function fetched(caravan, method, path, token, { body, signal, size = body?.size ?? 0 }) {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, quietMax + size / slowest);
  signal?.addEventListener('abort', stop);
  try {
    const answer = await fetch(addressOf(caravan, path), {
      method, body, signal: limit.signal, headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': typeOf(body) }) },
    });
    const { status, headers } = answer;
    const blob = await answer.blob();
    return { status, blob, text: body || status >= 300 ? await blob.text() : '', after: Number(headers.get('Retry-After')) || 0 };
  } catch {
    if (signal?.aborted) throw signal.reason;
    return { status: 0, text: '', after: 0 };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Why a call was refused, with a code and a text also where a proxy has answered. */
function refusal(status, text) {
  if (!status) return new CaravanError('unreachable', 'The server cannot be reached');
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // a proxy's own answer
  }
  const code = said.code ?? { 413: 'attachment_too_large', 429: 'rate_limited' }[status] ?? (status >= 500 ? 'unavailable' : 'unknown_outcome');
  return new CaravanError(code, said.detail ?? `The server answered ${status}`, { status });
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

// --- Files -----------------------------------------------------------------------------------------

/** A name that the server takes: what is pasted has none. */
export function nameOf(name) {
  const plain = name.replace(/[\\/\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '_');
  if (/^\.{0,2}$/.test(plain)) return 'file';
  const [extension] = /(\.[^.]{1,10})?$/u.exec(plain);
  const stem = [...plain.slice(0, plain.length - extension.length)].slice(0, nameMax - extension.length);
  const bytes = () => new TextEncoder().encode(stem.join('') + extension).length;
  while (bytes() > nameBytes) stem.pop();
  return stem.join('') + extension;
}

/** A JPEG of a photo that is small enough for a preview. Null where it is none, or this is no browser. */
export async function previewOf(file) {
  if (!globalThis.createImageBitmap || !file.type.startsWith('image/') || file.type === 'image/svg+xml') return null;
  const image = await createImageBitmap(file);
  const scale = Math.min(1, previewPixels / Math.max(image.width, image.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = 'white'; // a JPEG has nothing to be seen through
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  for (const quality of qualities) {
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
    if (blob && blob.size <= previewBytes) return blob;
  }
  return null;
}
