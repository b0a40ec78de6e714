// The hooks of examples/ in what they are for.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createElement, useState } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { effectScope, h } from 'vue';
import { renderToString } from 'vue/server-renderer';

import { useRoom as useInReact } from '../examples/react.js';
import { useRoom as useInVue } from '../examples/vue.js';
import { event, messages, trip, World } from './world.js';

const shown = (room) => `${room.messages.map((m) => m.content).join(', ')}; ${room.outbox.map((e) => e.frame.content).join(', ')}; ${room.state.phase}`;

test('React draws a room', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  const draw = () => renderToStaticMarkup(createElement(() => createElement('p', null, shown(useInReact(w.caravan, trip)))));
  assert.equal(draw(), '<p>content 1, content 2; ; live</p>');
  await w.socket.says(event(3));
  const sent = room.send('mine');
  assert.equal(draw(), '<p>content 1, content 2, content 3; mine; live</p>');
  const { outbox } = room;
  await w.socket.says({ type: 'error', code: 'too_long', client_id: sent.clientId });
  assert.notEqual(room.outbox, outbox, 'React sees a change by another array');
  w.caravan.close();
});

test('React draws a room that is lost, or whose chat is closed, and asks for no other', async () => {
  for (const end of [(w, room) => room._left(4003), (w) => w.caravan.close()]) {
    const w = new World();
    const room = await w.enters(messages(1, 1));
    const drawn = [];
    renderToStaticMarkup(createElement(() => {
      const [draws, draw] = useState(0);
      const used = useInReact(w.caravan, trip);
      drawn.push(used.room);
      if (!draws) end(w, room);
      if (draws < 3) draw(draws + 1);
      return null;
    }));
    assert.equal(drawn.length, 4);
    assert.deepEqual(drawn.filter((r) => r !== room), []);
    w.caravan.close();
  }
});

test('Vue draws a room, and follows it until its component ends', async () => {
  const w = new World();
  const room = await w.enters(messages(1, 2));
  const values = ({ messages: m, outbox, state }) => shown({ messages: m.value, outbox: outbox.value, state: state.value });
  assert.equal(await renderToString(h({ setup: () => () => h('p', values(useInVue(w.caravan, trip))) })), '<p>content 1, content 2; ; live</p>');
  const scope = effectScope();
  const used = scope.run(() => useInVue(w.caravan, trip));
  await w.socket.says(event(3));
  room.send('mine');
  assert.equal(values(used), 'content 1, content 2, content 3; mine; live');
  scope.stop();
  await w.socket.says(event(4));
  assert.equal(used.messages.value.length, 3);
  w.caravan.close();
});
