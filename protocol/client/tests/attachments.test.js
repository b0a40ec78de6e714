// Files on their way, and links to those of messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Attachments, nameOf } from '../attachments.js';
import { message, settle, token, trip, World } from './world.js';

const file = new File(['a sea'], 'sea.txt', { type: 'text/plain' });
const stored = { id: 'file-1', name: 'sea.txt', url: '/api/v1/chat/attachments/file-1/sea.txt?e=1', expires_at: '2036-01-01T00:00:00.000000Z' };

/** A client whose uploads are answered by these, one after the other. */
function uploads(...answers) {
  const w = new World();
  w.answers = () => answers.shift() ?? { status: 201, body: stored };
  return { w, files: new Attachments(w.caravan), posts: () => w.calls.filter((c) => c.method === 'POST') };
}

/** XMLHttpRequest as a browser has it, which answers when it is told to. */
class Request {
  upload = {};
  headers = {};

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  send(body) {
    this.body = body;
    Request.sent.push(this);
  }

  abort() {
    this.onabort();
    this.onloadend();
  }

  answers(status, body) {
    Object.assign(this, { status, responseText: JSON.stringify(body), getResponseHeader: () => null });
    this.onload();
    this.onloadend();
  }
}

async function inBrowser(run) {
  Request.sent = [];
  globalThis.XMLHttpRequest = Request;
  try {
    await run(Request.sent);
  } finally {
    delete globalThis.XMLHttpRequest;
  }
}

test('a file is sent once, and its progress is told', () => inBrowser(async (sent) => {
  const { files } = uploads();
  const upload = files.upload({ id: trip }, file);
  const told = [];
  upload.on('progress', (part) => told.push(part));
  await settle();
  const [request] = sent;
  assert.equal(request.url, `https://chat.example/api/v1/chat/rooms/${trip}/attachments/?name=sea.txt`);
  assert.deepEqual(request.headers, { Authorization: `Bearer ${token(2)}`, 'Content-Type': 'text/plain' });
  request.upload.onprogress({ loaded: 2, total: 5 });
  request.upload.onprogress({ loaded: 5, total: 5 });
  request.answers(201, stored);
  assert.deepEqual(await upload.done, stored);
  assert.deepEqual(told, [0.4, 1]);
  assert.equal(upload.state, 'done');
  assert.equal(await upload.retry(), await upload.done, 'it is not sent again');
  assert.equal(sent.length, 1);
}));

test('an upload is given up, also while it waits, and may begin again', () => inBrowser(async (sent) => {
  const { w, files } = uploads();
  const upload = files.upload(trip, file);
  await settle();
  upload.cancel();
  await assert.rejects(upload.done, { name: 'CaravanError', code: 'cancelled', message: 'The upload was given up' });
  assert.equal(upload.state, 'cancelled');
  upload.retry();
  await settle();
  sent[1].onerror();
  sent[1].onloadend();
  await settle();
  upload.cancel();
  await assert.rejects(upload.done, { code: 'cancelled' });
  await w.clock.pass(60_000);
  assert.equal(sent.length, 2);
}));

test('what will pass is tried again, and then told', async () => {
  const later = { status: 503, body: { code: 'unavailable', detail: 'full' }, after: '2' };
  const { w, files, posts } = uploads(later, { status: 0 }, later);
  const upload = files.upload(trip, file);
  await w.clock.pass(60_000);
  assert.equal((await upload.done).id, 'file-1');
  assert.equal(posts().length, 4);
  w.answers = () => ({ status: 0 });
  const lost = files.upload(trip, file);
  await w.clock.pass(120_000);
  await assert.rejects(lost.done, { code: 'unreachable', message: 'The server cannot be reached' });
  assert.equal(posts().length, 9, 'five times, and no more');
});

test('an upload that stands still is tried again, and not one that goes on slowly', () => inBrowser(async (sent) => {
  const { w, files } = uploads();
  const upload = files.upload(trip, file);
  await settle();
  for (let loaded = 1; loaded < 5; loaded++) await w.clock.pass(80_000).then(() => sent[0].upload.onprogress({ loaded, total: 5 }));
  assert.equal(sent.length, 1);
  await w.clock.pass(100_000);
  assert.equal(sent.length, 2);
  sent[1].answers(201, stored);
  assert.equal((await upload.done).id, 'file-1');
}));

test('a call of fetch that nobody answers is given up after the time that its bytes take', async () => {
  const { w, files, posts } = uploads();
  w.stalls = true;
  const upload = files.upload(trip, file);
  const download = files.download({ ...stored, size: 400_000 });
  let ended = false;
  download.catch(() => (ended = true));
  await w.clock.pass(100_000);
  assert.equal(posts().length, 2);
  assert.equal(ended, false, 'it is larger');
  await w.clock.pass(100_000);
  await assert.rejects(download, { code: 'unreachable' });
  upload.cancel();
  await assert.rejects(upload.done, { code: 'cancelled' });
});

test('an upload that is given up while its preview is made is given up', async () => {
  const { files, w } = uploads();
  for (const small of [null, new Blob(['small'])]) {
    let made;
    const upload = files.upload(trip, file, { preview: () => new Promise((resolve) => (made = resolve)) });
    await settle();
    await settle();
    upload.cancel();
    made(small);
    await assert.rejects(upload.done, { code: 'cancelled' });
    assert.equal(upload.state, 'cancelled');
  }
  assert.equal(w.calls.filter((c) => c.method === 'PUT').length, 0);
});

for (const [status, body, code] of [
  [413, { code: 'attachment_too_large', detail: 'The file is too large' }, 'attachment_too_large'],
  [413, {}, 'attachment_too_large'],
  [415, { code: 'attachment_type', detail: 'Files of this type are not taken' }, 'attachment_type'],
  [422, { code: 'attachment_rejected', detail: 'The file was rejected' }, 'attachment_rejected'],
  [429, { code: 'quota', detail: 'You have uploaded as much as a day may have' }, 'quota'],
  [403, { code: 'not_allowed', detail: 'Your role in this trip does not allow this' }, 'not_allowed'],
  [404, { code: 'not_found', detail: 'Not found' }, 'not_found'],
]) {
  test(`${status} ${JSON.stringify(body.code ?? 'of a proxy')} ends an upload with a code and a text`, async () => {
    const { files, posts } = uploads({ status, body });
    const upload = files.upload(trip, file);
    await assert.rejects(upload.done, { code, status });
    assert.ok(upload.error.message);
    assert.equal(upload.state, 'failed');
    assert.equal(posts().length, 1);
    assert.equal((await upload.retry()).id, 'file-1', 'the user may try again');
  });
}

test('a preview goes after the file; one that fails keeps nothing from being sent', async () => {
  const { w, files, posts } = uploads({ status: 201, body: stored }, { status: 200, body: { ...stored, preview_url: '/small' } });
  const preview = new Blob(['small'], { type: 'image/jpeg' });
  assert.equal((await files.upload(trip, file, { preview }).done).preview_url, '/small');
  assert.deepEqual(w.calls.map((c) => `${c.method} ${c.path}`).slice(-1), ['PUT attachments/file-1/preview/']);
  w.answers = ({ method }) => (method === 'POST' ? { status: 201, body: stored } : { status: 415, body: { code: 'attachment_type' } });
  assert.equal((await files.upload(trip, file, { preview }).done).id, 'file-1');
  assert.equal((await files.upload(trip, file, { preview: () => Promise.reject(new Error('no photo')) }).done).id, 'file-1');
  assert.equal(posts().length, 3);
});

test('a token that is refused is replaced, and one that cannot be got is told', async () => {
  const { w, files } = uploads({ status: 401, body: {} });
  await files.upload(trip, file).done;
  assert.deepEqual(w.tokens.slice(-2), [false, true]);
  const signedOut = new World({ token: async () => Promise.reject(new Error('sign in')) });
  await assert.rejects(new Attachments(signedOut.caravan).upload(trip, file).done, { code: 'unreachable', message: 'sign in' });
});

test('a link is whole, and made anew before it ends', async () => {
  const { w, files } = uploads();
  const m = message(1, { attachments: [stored] });
  assert.equal(await files.link(m, stored), 'https://chat.example/api/v1/chat/attachments/file-1/sea.txt?e=1');
  const ended = { ...stored, expires_at: '1970-01-01T00:00:00.000000Z' };
  w.answers = () => ({ body: { ...m, attachments: [{ ...stored, url: 'https://files.example/new', preview_url: '/small' }] } });
  assert.equal(await files.link(m, ended), 'https://files.example/new');
  assert.equal(await files.link(m, ended, { preview: true }), 'https://chat.example/small');
  w.answers = () => ({ body: { ...m, attachments: undefined, deleted_at: 'now' } });
  await assert.rejects(files.link(m, ended), { code: 'not_found', message: 'The file is gone' });
});

test('bytes are fetched by the token', async () => {
  const { w, files } = uploads({ status: 200, body: 'bytes' });
  assert.equal(await (await files.download(stored)).text(), '"bytes"');
  assert.equal(w.calls[0].path, 'attachments/file-1/');
  w.answers = () => ({ status: 404, body: { code: 'not_found', detail: 'Not found' } });
  await assert.rejects(files.download(stored), { code: 'not_found' });
  w.answers = () => ({ status: 0 });
  await assert.rejects(files.download(stored), { code: 'unreachable' });
});

test('names are such as the server takes', () => {
  for (const [given, taken] of [['', 'file'], ['..', 'file'], ['a/b\\c.txt', 'a_b_c.txt'], [`${'x'.repeat(300)}.jpeg`, `${'x'.repeat(75)}.jpeg`], ['a\u202Etxt.exe', 'a_txt.exe'], [`${'🚌'.repeat(80)}.jpeg`, `${'🚌'.repeat(62)}.jpeg`]]) {
    assert.equal(nameOf(given), taken);
  }
});
