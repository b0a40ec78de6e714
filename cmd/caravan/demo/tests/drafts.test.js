// Drafts and what was used last: in a store that two tabs share.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Draft, nameTab } from '../static/drafts.js';
import { groups } from '../static/emoji-data.js';
import { nameOfEmoji, recentEmoji, searchEmoji, useEmoji } from '../static/emoji-search.js';
import { sayMessages } from '../static/announcer.js';

/** A Storage that tells of its changes. */
class Store {
  map = new Map();
  changes = [];
  get length() { return this.map.size; }
  key(i) { return [...this.map.keys()][i] ?? null; }
  getItem(k) { return this.map.get(k) ?? null; }
  setItem(k, v) { this.map.set(k, v); this.changes.push({ key: k, newValue: v }); }
  removeItem(k) { if (this.map.delete(k)) this.changes.push({ key: k, newValue: null }); }
}

function world() {
  let clock = 1_000_000;
  const store = new Store();
  const open = (tab, { user = 'u', room = 'r' } = {}) => new Draft({ store, user, room, tab, now: () => clock++ });
  return { store, open, pass: (ms) => (clock += ms) };
}

const text = (draft) => draft.read()?.text;
const write = (draft, text, more = {}) => draft.write({ text, replyTo: null, mentions: [], ...more });

test('a draft survives a reload, with what it answers and whom it mentions, in its room and for its user', () => {
  const w = world();
  const replyTo = { id: 'm', name: 'Ann', content: 'x' };
  write(w.open('a'), 'half a sen', { replyTo, mentions: [{ id: '1', name: 'Ann' }] });
  const again = w.open('a').read();
  assert.deepEqual([again.text, again.replyTo, again.mentions], ['half a sen', replyTo, [{ id: '1', name: 'Ann' }]]);
  assert.equal(w.open('a', { room: 'other' }).read(), null);
  assert.equal(w.open('a', { user: 'other' }).read(), null);
  assert.equal(w.open('a', { room: '' }).read(), null);
});

test('what is sent or emptied is gone', () => {
  const w = world();
  const a = w.open('a');
  write(a, 'one');
  a.sent();
  assert.equal(text(w.open('a')), undefined);
  write(a, 'two');
  write(a, '');
  assert.equal(text(w.open('a')), undefined);
  assert.equal(w.store.length, 0);
});

test('two tabs keep what each of them writes', () => {
  const w = world();
  const [a, b] = [w.open('a'), w.open('b')];
  write(a, 'of a');
  write(b, 'of b');
  write(a, 'of a, more');
  assert.equal(text(w.open('b')), 'of b');
  assert.equal(text(w.open('a')), 'of a, more');
  b.sent();
  assert.equal(text(w.open('a')), 'of a, more');
});

test('a new tab goes on with the latest draft, and what it sends is gone in both', () => {
  const w = world();
  const a = w.open('a');
  write(a, 'meet at nine');
  const b = w.open('b');
  assert.equal(text(b), 'meet at nine');
  write(b, 'meet at nine, gate 4');
  assert.equal(text(w.open('a')), 'meet at nine', 'that of the other tab stays as it is');
  b.sent();
  const told = w.store.changes.map((c) => a.heard(c)).filter(Boolean);
  assert.deepEqual(told, ['sent']);
  assert.equal(w.open('c').read(), null);
});

test('what one tab sends is gone in those that began with it and changed nothing', () => {
  const w = world();
  const a = w.open('a');
  write(a, 'meet at nine');
  const [b, c, d] = [w.open('b'), w.open('c'), w.open('d')];
  for (const tab of [b, c, d]) assert.equal(text(tab), 'meet at nine');
  write(d, 'something else');
  b.sent();
  const heard = (tab) => w.store.changes.map((change) => tab.heard(change)).filter(Boolean);
  assert.deepEqual([heard(a), heard(c), heard(d)], [['sent'], ['sent'], []]);

  write(a, 'at ten');
  const e = w.open('e');
  e.read(); // what was written last
  assert.equal(text(w.open('e')), 'at ten');
  write(a, 'at ten, gate 4');
  w.store.changes.length = 0;
  a.sent();
  assert.deepEqual(heard(e), [], 'that was another text');
  const f = w.open('f');
  assert.equal(text(f), 'something else');
  w.store.changes.length = 0;
  d.sent();
  assert.deepEqual(heard(f), ['sent']);
  assert.equal(text(w.open('d')), undefined);
});

test('a tab whose draft another one has sent begins with nothing', () => {
  const w = world();
  write(w.open('a'), 'one');
  const b = w.open('b');
  b.read();
  b.sent();
  assert.equal(w.open('a').read(), null);
});

test('what was written further meanwhile is not taken away', () => {
  const w = world();
  const a = w.open('a');
  write(a, 'one');
  const b = w.open('b');
  b.read();
  write(b, 'one');
  write(a, 'one and more');
  b.sent();
  assert.deepEqual(w.store.changes.map((c) => a.heard(c)).filter(Boolean), []);
  assert.equal(text(w.open('c')), 'one and more');
});

test('a draft that another tab emptied is kept anew by the tab that still has it', () => {
  const w = world();
  const a = w.open('a');
  write(a, 'one');
  const b = w.open('b');
  b.read();
  write(b, 'one!');
  write(b, '');
  assert.equal(w.open('c').read(), null, 'it does not come back where it was thrown away');
  assert.deepEqual(w.store.changes.map((c) => a.heard(c)).filter(Boolean), ['lost']);
});

test('drafts are bounded in number, size and age', () => {
  const w = world();
  for (let i = 0; i < 130; i++) write(w.open('a', { room: String(i) }), 'x');
  assert.ok(w.store.length <= 101, String(w.store.length));
  assert.equal(text(w.open('a', { room: '129' })), 'x');
  assert.equal(text(w.open('a', { room: '0' })), undefined);
  write(w.open('b'), 'y'.repeat(40_001));
  assert.equal(w.open('b').read(), null);
  w.pass(31 * 86_400_000);
  assert.equal(w.open('z', { room: '129' }).read(), null);
});

test('a store that is full, forbidden or holds something else does no harm', () => {
  const w = world();
  for (const junk of ['', '{', '{}', '[]', '{"text":5,"mentions":[],"at":1}', '{"text":"x","mentions":[]}', 'null']) {
    w.store.map.set('caravan.draft.u.r.x', junk);
    assert.equal(w.open('a').read(), null, junk);
  }
  const forbidden = new Proxy({}, { get() { throw new Error('SecurityError'); } });
  const draft = new Draft({ store: forbidden, user: 'u', room: 'r', tab: 'a' });
  assert.equal(draft.read(), null);
  write(draft, 'x');
  draft.sent();
  assert.equal(draft.heard({ key: 'x', newValue: null }), undefined);
});

test('a tab has its name after a reload, and a copy of it another', () => {
  const session = new Store();
  const page = new EventTarget();
  const name = nameTab(session, page);
  const copy = new Store();
  copy.map = new Map(session.map);
  assert.notEqual(nameTab(copy, new EventTarget()), name);
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(nameTab(session, new EventTarget()), name);
});

test('emoji are each there once, whole, of Unicode 13 at most, and found by their names', () => {
  const all = groups.flatMap((g) => g.emoji);
  assert.ok(all.length > 400 && all.length < 600, String(all.length));
  assert.equal(new Set(all.map((e) => e.character)).size, all.length);
  const segments = new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { character, name } of all) {
    assert.equal([...segments.segment(character)].length, 1, name);
    assert.match(character, /\p{Emoji}/u, name);
    assert.match(name, /^[a-z][a-z ]*$/, character);
    for (const c of character) assert.ok(c.codePointAt(0) <= 0x1faff && !/[\u{1fae0}-\u{1fae8}\u{1f6dc}-\u{1f6df}\u{1fa75}-\u{1fa77}\u{1f979}\u{1f9cc}]/u.test(c), `${name} is too new`);
    assert.ok(new TextEncoder().encode(character.replaceAll('\ufe0f', '')).length <= 64, name);
  }
  const first = (query) => searchEmoji(query)[0]?.character;
  assert.equal(first('camel'), '🐪');
  assert.equal(first('THUMBS u'), '👍');
  assert.equal(first('love red'), '❤️');
  assert.equal(first('éléph'), '🐘');
  assert.equal(first('eleph'), '🐘');
  assert.deepEqual(searchEmoji('  '), []);
  assert.ok(searchEmoji('a').length <= 48);
  assert.equal(nameOfEmoji('🐪'), 'camel caravan');
  assert.equal(nameOfEmoji('🦬'), '🦬');
});

test('what was used last comes first, each once, and is bounded', () => {
  const store = new Store();
  assert.deepEqual(recentEmoji(store), []);
  for (const c of ['👍', '🐪', '👍']) useEmoji(store, c);
  assert.deepEqual(recentEmoji(store).map((e) => e.character), ['👍', '🐪']);
  for (const { character } of groups[0].emoji) useEmoji(store, character);
  assert.equal(recentEmoji(store).length, 16);
  store.map.set('caravan.emoji.recent', '[5,"<b>","🐪"]');
  assert.deepEqual(recentEmoji(store).map((e) => e.character), ['🐪']);
  store.map.set('caravan.emoji.recent', '{');
  assert.deepEqual(recentEmoji(store), []);
});

test('few messages are read out, many are counted', () => {
  assert.equal(sayMessages([{ name: 'Ann', text: 'Hello' }, { name: 'Bo', text: 'Hi' }]), 'Ann: Hello. Bo: Hi');
  assert.equal(sayMessages(Array.from({ length: 5 }, () => ({ name: 'Ann', text: 'x' }))), '5 new messages from Ann');
  assert.equal(sayMessages(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, text: 'x' }))), '5 new messages from 5 people');
  assert.ok(sayMessages([{ name: 'Ann', text: 'y'.repeat(5_000) }]).length < 220);
});
