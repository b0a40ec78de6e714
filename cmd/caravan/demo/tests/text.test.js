// Texts: comparing, links, lengths, mentions, search. They need no browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { composes } from '../static/composing.js';
import { directionOf } from '../static/direction.js';
import { fold } from '../static/fold.js';
import { linksIn } from '../static/links.js';
import { matching, mentionsOf, namesIn, queryAt } from '../static/mention-text.js';
import { piecesOf } from '../static/message-text.js';
import { placesIn, TextSearch } from '../static/search-text.js';
import { lengthOf, limitOf, sayLength } from '../static/text-length.js';

test('a key that an input method takes sends nothing, also where Safari tells of it late', () => {
  assert.ok(composes({ isComposing: true, keyCode: 13 }));
  assert.ok(composes({ isComposing: false, keyCode: 229 }));
  assert.ok(!composes({ isComposing: false, keyCode: 13 }));
});

test('case, accents and widths make no difference, letters do', () => {
  for (const [a, b] of [
    ['Élodie', 'elodie'], ['ÅNGSTRÖM', 'angstrom'], ['Straße', 'STRASSE'], ['ΟΔΟΣ', 'οδός'], ['İstanbul', 'istanbul'], ['ıspanak', 'ispanak'],
    ['Łódź', 'lodz'], ['Søren', 'soren'], ['ﬁn', 'fin'], ['Ｔｏｋｙｏ', 'tokyo'], ['مُحَمَّد', 'محمد'], ['שָׁלוֹם', 'שלום'], ['مـحـمد', 'محمد'], ['Việt', 'viet'],
  ]) assert.equal(fold(a), fold(b), `${a} ${b}`);
  for (const [a, b] of [['कि', 'का'], ['が', 'か'], ['กา', 'กี'], ['o', '0']]) assert.notEqual(fold(a), fold(b), `${a} ${b}`);
});

const shown = (text) => linksIn(text).map(({ start, end, href }) => `${text.slice(start, end)} → ${href}`);

test('links are what people mean by them', () => {
  for (const [text, ...want] of [
    ['see https://example.com.', 'https://example.com → https://example.com/'],
    ['(https://example.com/a_(b)) and', 'https://example.com/a_(b) → https://example.com/a_(b)'],
    ['[x](https://example.com/x)', 'https://example.com/x → https://example.com/x'],
    ['https://a.example/?q=1,2&r=3#top, https://b.example!', 'https://a.example/?q=1,2&r=3#top → https://a.example/?q=1,2&r=3#top', 'https://b.example → https://b.example/'],
    ['WWW.Example.com/x?', 'WWW.Example.com/x → https://www.example.com/x'],
    ['http://localhost:8000/', 'http://localhost:8000/ → http://localhost:8000/'],
    ['http://[::1]:8000/x', 'http://[::1]:8000/x → http://[::1]:8000/x'],
    ['“https://example.com/ä”', 'https://example.com/ä → https://example.com/%C3%A4'],
    ['https://münchen.example/', 'https://münchen.example/ → https://xn--mnchen-3ya.example/'],
    ['見てhttps://例え.テスト/道。はい', 'https://例え.テスト/道 → https://xn--r8jz45g.xn--zckzah/%E9%81%93'],
    ['אתר https://example.co.il, כן', 'https://example.co.il → https://example.co.il/'],
    ['write to Ana.Silva+trip@mail.example.com.', 'Ana.Silva+trip@mail.example.com → mailto:Ana.Silva%2Btrip@mail.example.com'],
    ['<a@b.example>', 'a@b.example → mailto:a@b.example'],
    ['https://example.com/@amina and me@example.com', 'https://example.com/@amina → https://example.com/@amina', 'me@example.com → mailto:me@example.com'],
  ]) assert.deepEqual(shown(text), want, text);
});

test('nothing else is a link', () => {
  for (const text of [
    'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'ftp://example.com', 'https://', 'http://.', 'www.', 'www.example', 'www.1.2', 'xhttps://example.com',
    '@amina', 'a@b', 'a@b.c', 'a@-.example', 'a.@b.example', 'http://good.example@evil.example/', 'version 1.2.3', 'http:example.com', 'http:/example.com', 'wwww.example.com', 'and/www.example.com',
  ]) assert.deepEqual(shown(text), [], text);
});

test('no text makes links slow', () => {
  for (const part of ['a', 'www.', 'http://', '@', 'a@', 'a.', ')', 'https://a(', 'https://a.example/))', 'a@a.']) {
    const began = performance.now();
    linksIn(part.repeat(40_000 / part.length));
    linksIn('https://a.example/' + part.repeat(40_000 / part.length));
    assert.ok(performance.now() - began < 10_000, `${part}: ${performance.now() - began} ms`);
  }
});

test('a length is the server\'s', () => {
  assert.equal(lengthOf(''), 0);
  assert.equal(lengthOf(' \u0085\u00a0\u3000hé\n\u2028'), 2);
  assert.equal(lengthOf('\ufeffx'), 2, 'a byte order mark is not white space');
  assert.equal(lengthOf('👍🏽'), 2);
  assert.equal(lengthOf('a\ud83db'), 3, 'half a pair is one character');
  assert.equal(lengthOf(' '.repeat(100_000)), 0);
  assert.deepEqual(sayLength(9_499, 10_000), { text: '', over: false });
  assert.deepEqual(sayLength(9_500, 10_000), { text: '500 characters left', over: false });
  assert.deepEqual(sayLength(10_000, 10_000), { text: '0 characters left', over: false });
  assert.deepEqual(sayLength(10_001, 10_000), { text: '1 character too many', over: true });
  assert.deepEqual(sayLength(12_345, 10_000), { text: '2,345 characters too many', over: true });
  assert.equal(sayLength(39, 50).text, '', 'a small limit is not near all the time');
  assert.equal(limitOf({ code: 'too_long', error: 'Message is too long (max 500 characters)' }), 500);
  assert.equal(limitOf({ code: 'unavailable', error: 'max 5' }), undefined);
});

const members = [
  { id: '1', name: 'Amina Diallo' }, { id: '2', name: 'Jonas Weber' }, { id: '3', name: 'Élodie de la Tour' }, { id: '4', name: '王小明' },
  { id: '5', name: 'Ann' }, { id: '6', name: 'Ann Lee' }, { id: '7', name: 'محمد علي' }, { id: '8', name: 'Sam Lee' }, { id: '9', name: 'Sam Lee' }, { id: '10', name: 'Kim Roe', username: 'zkim' },
];
const found = (query) => matching(members, query).map((m) => m.id).join();

test('the picker opens at an @ that begins a word', () => {
  assert.deepEqual(queryAt('hi @am', 6), { start: 3, query: 'am' });
  assert.deepEqual(queryAt('@', 1), { start: 0, query: '' });
  assert.deepEqual(queryAt('hi @amina d', 11), { start: 3, query: 'amina d' });
  assert.deepEqual(queryAt('(@x', 3), { start: 1, query: 'x' });
  assert.deepEqual(queryAt('你好@王', 4), { start: 2, query: '王' });
  for (const text of ['me@example', 'no', '@ x', '@a\nb', '@a  b', `@${'x'.repeat(60)}`]) assert.equal(queryAt(text, text.length), undefined, text);
  assert.deepEqual(queryAt('@am later', 2), { start: 0, query: 'a' }, 'the caret counts');
});

test('names are found by the beginnings of their words', () => {
  assert.equal(found('AM'), '1');
  assert.equal(found('dial'), '1');
  assert.equal(found('elo'), '3');
  assert.equal(found('él tou'), '3');
  assert.equal(found('to el'), '', 'in their order');
  assert.equal(found('小'), '4');
  assert.equal(found('علي'), '7');
  assert.equal(found('zk'), '10');
  assert.equal(found('mina'), '', 'not within a word');
  assert.equal(matching(members, '').length, members.length);
  assert.equal(found('ann'), '5,6');
});

test('a mention is sent while its name is in the text', () => {
  const of = (text, chosen = [], mayAll = false) => {
    const { mentions, mentionsAll } = mentionsOf(text, { chosen, members, mayAll });
    return mentions.join() + (mentionsAll ? ' all' : '');
  };
  assert.equal(of('hi @Amina Diallo!', [members[0]]), '1');
  assert.equal(of('hi @Amina Dial', [{ id: 'x', name: 'Nobody Else' }]), '1', 'what is left is a first name');
  assert.equal(of('hi Amina Diallo', [members[0]]), '');
  assert.equal(of('hi @Ann Lee', [members[5]]), '6');
  assert.equal(of('hi @Ann', [members[5]]), '5', 'Ann herself is meant now');
  assert.equal(of('@Anna'), '');
  assert.equal(of('@Sam Lee'), '', 'two are called so');
  assert.equal(of('@Sam Lee and @Sam Lee', [members[8], members[7]]), '9,8');
  assert.equal(of('@Sam Lee', [members[8], members[7]]), '9');
  assert.equal(of('@jonas, @王小明你好'), '2,4');
  assert.equal(of('me@Jonas'), '');
  assert.equal(of('@all of you'), '');
  assert.equal(of('@all of you', [], true), ' all');
  assert.equal(of('@alligator', [], true), '');
  const many = Array.from({ length: 30 }, (_, i) => ({ id: String(i), name: `Person${i}` }));
  assert.equal(mentionsOf(many.map((m) => `@${m.name}`).join(' '), { members: many }).mentions.length, 20);
});

test('names stand out, those within links do not', () => {
  assert.deepEqual(namesIn('@Ann Lee @ann', ['Ann', 'Ann Lee']).map((n) => n.name), ['Ann Lee', 'Ann']);
  assert.deepEqual(piecesOf('hi @Ann, https://x.example/@Ann and @Jo', [{ name: 'Ann', own: true }, { name: 'Jo' }]).map(({ kind, text, own }) => `${kind} ${text}${own ? '!' : ''}`), [
    'text hi ', 'mention @Ann!', 'text , ', 'link https://x.example/@Ann', 'text  and ', 'mention @Jo',
  ]);
  assert.deepEqual(piecesOf('<b>@x</b>'), [{ text: '<b>@x</b>', kind: 'text' }]);
  assert.deepEqual(piecesOf(''), []);
});

test('a search finds whatever case and accents are', () => {
  const cut = (text, query) => placesIn(text, query).map(([s, e]) => text.slice(s, e));
  assert.deepEqual(cut('Café, CAFE, cafe\u0301s', 'café'), ['Café', 'CAFE', 'cafe\u0301']);
  assert.deepEqual(cut('Straße', 'SS'), ['ß']);
  assert.deepEqual(cut('ﬁne', 'f'), ['ﬁ']);
  assert.deepEqual(cut('👍 ok 👍', '👍'), ['👍', '👍']);
  assert.deepEqual(cut('aaaa', 'aa'), ['aa', 'aa']);
  assert.deepEqual(cut('anything', '  '), []);
  const search = new TextSearch();
  const one = { content: 'The Sea' };
  const all = [one, { content: 'x', caption: 'At sea' }, { content: '', attachments: [{ name: 'SEA.jpg' }] }, { content: 'gone sea', deleted_at: 'x' }, { content: 'sea', message_type: 'system' }];
  assert.deepEqual(search.find(all, 'séa'), all.slice(0, 3));
  one.content = 'The hill'; // an edit in place is seen
  assert.deepEqual(search.find(all, 'sea'), all.slice(1, 3));
  assert.deepEqual(search.find(all, ' '), []);
});

test('the page is read as its reader\'s language is', () => {
  for (const language of ['ar', 'he', 'fa-IR', 'ur', 'ug', 'dv', 'ks', 'pa-PK', 'az-Arab', 'iw', 'yi']) assert.equal(directionOf(language), 'rtl', language);
  for (const language of ['en', 'pa', 'az', 'tr', 'ku', 'ja', '', 'x y', undefined]) assert.equal(directionOf(language), 'ltr', language);
  assert.equal(directionOf('en', 'rtl'), 'rtl');
  assert.equal(directionOf('ar', 'ltr'), 'ltr');
  assert.equal(directionOf('ar', 'up'), 'rtl');
});
