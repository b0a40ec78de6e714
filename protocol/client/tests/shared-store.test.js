// Two pages with one store that answers by promises.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Outbox } from '../outbox.js';
import { sharedStore } from '../shared-store.js';

/** A store in memory that takes its time. */
function slowStore() {
  const texts = new Map();
  const later = (what) => new Promise((resolve) => setTimeout(() => resolve(what()), 2));
  return { texts, get: (key) => later(() => texts.get(key) ?? null), set: (key, text) => later(() => void texts.set(key, text)) };
}

/** Web Locks, as far as they are needed. */
class Locks {
  holders = 0; // at most at once
  #last = new Map();
  #now = 0;

  request(name, work) {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(async () => {
      this.holders = Math.max(this.holders, ++this.#now);
      await work();
      this.#now--;
    });
    this.#last.set(name, turn);
    return turn;
  }
}

const open = (store, problems) => new Outbox(store, Promise.resolve('key'), (error) => problems.push(error));
/** Until all that pages have begun to do to their store is done. */
const done = (...pages) => Promise.all(pages.map((page) => page.gone({ clientId: 'none' })));
const texts = (store) => JSON.parse(store.texts.get('key')).map((e) => e.frame.content);

/** Two pages write at once. Returns what the store has then. */
async function writeAtOnce(wrap) {
  const store = slowStore();
  const problems = [];
  const pages = [open(wrap(store), problems), open(wrap(store), problems)];
  await Promise.all(pages.map((page) => page.load()));
  for (let i = 0; i < 5; i++) pages.forEach((page, p) => page.add({ type: 'chat_message', content: `${p} ${i}` }));
  await done(...pages);
  assert.deepEqual(problems, []);
  return { store, pages };
}

test('two pages that write at once lose nothing', async () => {
  const locks = new Locks();
  const { store, pages } = await writeAtOnce((s) => sharedStore(s, locks));
  assert.deepEqual(texts(store).toSorted(), ['0 0', '0 1', '0 2', '0 3', '0 4', '1 0', '1 1', '1 2', '1 3', '1 4']);
  assert.equal(locks.holders, 1);

  // What is only read gives its lock back: another page finds that this one has discarded an entry.
  const [entry] = pages[0].entries;
  const third = open(sharedStore(store, locks), []);
  await third.load();
  pages[0].discard(entry.clientId);
  await done(pages[0]);
  assert.equal(await third.gone(third.find(entry.clientId)), true);
  assert.equal(third.find(entry.clientId), undefined);
});

test('without a lock something would be lost', async () => {
  const { store } = await writeAtOnce((s) => sharedStore(s, null));
  assert.ok(texts(store).length < 10);
});

test('a store that fails is told of, and its lock is given back', async () => {
  const locks = new Locks();
  const problems = [];
  let fails = true;
  const store = slowStore();
  const moody = sharedStore({ ...store, get: (key) => (fails ? Promise.reject(new Error('away')) : store.get(key)) }, locks);
  const page = open(moody, problems);
  await page.load();
  assert.equal(problems.length, 1);
  fails = false;
  page.add({ type: 'chat_message', content: 'one' });
  await done(page);
  assert.deepEqual(texts(store), ['one']);
});
