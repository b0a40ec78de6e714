// Uses everything that the declarations offer, as a program would. It is compiled, and not run.

import { Caravan, CaravanError, type Entry, type Message, type Room, type Store } from '@caravan-chat/client';
import { Attachments, nameOf, previewOf } from '@caravan-chat/client/attachments';
import { orLongPoll } from '@caravan-chat/client/fallback';
import { People } from '@caravan-chat/client/people';
import { Reactions } from '@caravan-chat/client/reactions';
import { roomSockets } from '@caravan-chat/client/room-socket';
import { Rooms } from '@caravan-chat/client/rooms';
import { sharedStore } from '@caravan-chat/client/shared-store';

const store: Store = { get: (k) => localStorage.getItem(k), set: (k, v) => localStorage.setItem(k, v) };
const caravan = new Caravan({ url: 'https://chat.example.com', token: async (fresh) => (fresh ? 'new' : 'old'), store, user: 'id', keep: 100, socket: orLongPoll() });
new Caravan({ token: async () => '', store: sharedStore({ get: async () => null, set: async () => {} }) }).close();
new Caravan({ token: async () => '', socket: roomSockets((url, protocols) => new WebSocket(url, protocols)) }).close();
caravan.on('state', (state) => state.phase === 'waiting' && console.log(state.retryAt, state.code));
caravan.on('problem', ({ code, message }) => console.log(code, message));

const room: Room = caravan.room('4f0c1b0e-6a52-4c9b-9d0c-0a6f0e6b7c11');
room.on('messages', ({ changed, reset }) => console.log(changed.map((m: Message) => m.content), reset));
room.on('stored', (entry: Entry) => console.log(entry.clientId));
room.on('own', () => console.log(room.role, room.permissions, room.readSeq));
room.watch({ presence: true, reads: true });

const sent = room.send('hello', { replyTo: 'id', mentions: ['id'], mentionsAll: true, attachments: ['id'], data: { at: [1, 2] } });
sent.then((m) => m.seq + m.rev, (error: CaravanError) => room.discard(error.clientId ?? sent.clientId));
room.edit('id', 'text').then((nothing: void) => nothing);
for (const done of [room.remove('id'), room.react('id', '👍', true), room.pin('id', false)]) done.catch(() => room.retry(done.clientId));
room.older().then((messages) => messages.length && !room.complete && room.trim());
room.typing(true);
room.read();
caravan.rest('GET', 'rooms/').catch((error: CaravanError) => console.log(error.code, error.message, error.status));

const people = new People(room);
people.on('presence', ({ online, users, partial }) => console.log(online, users?.has('id'), partial));
people.on('reads', (reads) => console.log(reads.get('id')));
people.on('typing', (typers) => [...typers].map(([user, { email }]) => user + email));
const reactions = new Reactions(caravan, room);
reactions.on('reactions', () => console.log(reactions.chosen('id').has('👍')));
const rooms = new Rooms(caravan);
rooms.on('rooms', (list) => console.log(list.map((r) => r.title + r.unread + r.lastMessage?.content), rooms.unread, rooms.loaded));
rooms.on('problem', ({ code }) => console.log(code));
rooms.refresh().then(() => {});
for (const part of [rooms, people, reactions, room, caravan]) part.close();

const files = new Attachments(caravan);
const upload = files.upload(room, new Blob(['text']), { name: nameOf('a.txt'), preview: () => previewOf(new Blob()) });
upload.on('progress', (part) => console.log(Math.round(100 * part)));
upload.on('state', (state) => state === 'failed' && upload.error?.code === 'unreachable' && upload.retry());
upload.done.then((a) => files.link(room.messages[0]!, a, { preview: true })).then((link: string) => link);
files.download(upload.attachment!).then((blob) => blob.size);
upload.cancel();

// @ts-expect-error: a message is not changed in place
room.messages[0] = room.messages[1];
// @ts-expect-error: there is no such event
room.on('nothing', () => {});
