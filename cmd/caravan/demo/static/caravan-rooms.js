// The rooms of a user, and what is unread in them.

const recountAfter = 300; // ms, as several things may change at once
const countMax = 100; // the server counts no further

/**
 * Rooms is the list of a user's rooms: {id, trip, title, unread, mentions}, in `list`. The server
 * counts, when the socket is new and where something is read or deleted; between that new messages
 * are added. It hears the rooms that nobody else subscribes to. Event: `change`.
 */
export class Rooms extends EventTarget {
  list = [];

  #socket;
  #rest;
  #user;

  constructor({ socket, rest, user }) {
    super();
    this.#socket = socket;
    this.#rest = rest;
    this.#user = user;
    socket.addEventListener('open', () => this.refresh());
    socket.addEventListener('frame', ({ detail }) => this.#take(detail));
    socket.addEventListener('sent', ({ detail: { trip, frame } }) => {
      if (frame.type === 'mark_read') this.#read(this.#find((r) => r.trip === trip), frame.seq);
    });
  }

  /** Asks for the whole list, and hears what nobody hears. */
  async refresh() {
    let rooms;
    try {
      rooms = await this.#rest.rooms();
    } catch {
      return; // the next socket asks again
    }
    const before = new Map(this.list.map((r) => [r.id, r]));
    this.list = rooms.map((told) => Object.assign(before.get(told.id) ?? { changes: 0 }, asRoom(told)));
    for (const { trip } of this.list) {
      if (!this.#socket.hears(trip)) this.#socket.subscribe(trip, { limit: 1 }, () => {});
    }
    this.#changed();
  }

  #find(accept) {
    return this.list.find(accept);
  }

  #take(frame) {
    const room = this.#find((r) => r.id === (frame.chat_room_id ?? frame.message?.chat_room_id));
    if (!room || frame.duplicate) return;
    const missed = frame.type === 'message_history' && frame.seq > room.seq; // since the list was made
    room.seq = Math.max(room.seq, frame.seq ?? 0);
    if (missed) this.#recount(room);
    if (frame.type === 'chat_message') this.#add(room, frame.message);
    if (frame.type === 'message_edited' && frame.message.deleted_at) this.#recount(room);
    if (frame.type === 'own' && frame.read_seq !== undefined) this.#read(room, frame.read_seq);
    if (frame.type === 'room') this.#recount(room);
  }

  #add(room, { sender, seq, mentions = [], mentions_all: all }) {
    if (sender.id === this.#user || seq <= room.read) return;
    room.changes++;
    room.unread = Math.min(room.unread + 1, countMax);
    if (all || mentions.includes(this.#user)) room.mentions = Math.min(room.mentions + 1, countMax);
    this.#changed();
  }

  #read(room, seq) {
    if (!room || seq <= room.read) return;
    room.read = seq;
    this.#recount(room);
  }

  /** Where all is read nothing needs to be counted. */
  #recount(room) {
    room.changes++;
    if (room.read >= room.seq) {
      Object.assign(room, { unread: 0, mentions: 0 });
      this.#changed();
    } else {
      room.timer ??= setTimeout(() => this.#ask(room), recountAfter);
    }
  }

  async #ask(room) {
    room.timer = undefined;
    const { changes } = room;
    try {
      const told = await this.#rest.room(room.id);
      if (room.changes !== changes) return this.#recount(room); // it may be older than what we know
      Object.assign(room, asRoom(told));
      this.#changed();
    } catch {
      // it is asked for again with the next socket
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

const asRoom = ({ id, trip_id: trip, title, unread, mentions, read_seq: read, last_seq: seq }) => ({ id, trip, title, unread, mentions, read, seq });
