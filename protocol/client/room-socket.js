// The socket of each room, in place of the one of the user.

const quietMax = 20_000; // ms without a frame, after which a room's socket is pinged
const answerTime = 10_000; // ms for its answer, and for the handshake
const tick = 1_000; // ms between two looks at the clock

/** What `caravan` gets as `socket`, for a server or a proxy that has only the addresses of rooms. */
export const roomSockets = (open = (...args) => new WebSocket(...args)) => (url, protocols) => new RoomSockets(open, url, protocols);

/**
 * RoomSockets looks to Caravan like the WebSocket of a user, and opens one for each room that is subscribed. It ends when
 * the last one does; one that its user may not read ends alone.
 */
class RoomSockets {
  onopen = null;
  onmessage = null;
  onclose = null;

  #open;
  #url;
  #protocols; // with the newest token
  #auth; // the frame that brought it
  #expiring; // when the token ends that was told of last
  #sockets = new Map(); // id of a room, as it was subscribed → WebSocket
  #pinged = false; // a ping waits until a socket is open
  #timer;
  #closed = false;

  constructor(open, url, protocols) {
    this.#open = open;
    this.#url = url;
    this.#protocols = protocols;
    this.#timer = setInterval(() => this.#watch(), tick);
    setTimeout(() => this.onopen?.(), 0);
  }

  send(text) {
    const frame = JSON.parse(text);
    if (frame.type === 'subscribe') return frame.rooms.forEach((room) => this.#enter(room, frame.client_id));
    if (frame.type === 'unsubscribe') return frame.rooms.forEach((id) => this.#leave(id));
    const { chat_room_id: room, ...alone } = frame;
    if (room) return this.#sockets.get(room)?.send(JSON.stringify(alone));
    if (frame.type === 'auth') {
      this.#auth = text;
      this.#protocols = [this.#protocols[0], `token.${frame.token}`];
    }
    const open = [...this.#sockets.values()].filter((s) => s.ready);
    for (const socket of open) socket.send(text);
    if (frame.type === 'ping' && !open.length) this.#answer();
    return undefined;
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const id of this.#sockets.keys()) this.#leave(id);
  }

  #enter({ id, since, since_id: last }, asked) {
    this.#leave(id);
    let url = this.#url.replace('?', `${id}/?`);
    if (since !== undefined) url += `&since=${since}`;
    if (last) url += `&since_id=${last}`;
    const protocols = this.#protocols;
    const socket = this.#open(url, protocols);
    Object.assign(socket, { ready: false, heardAt: Date.now(), pingedAt: 0 });
    this.#sockets.set(id, socket);
    socket.onopen = () => {
      socket.ready = true;
      if (protocols !== this.#protocols) socket.send(this.#auth);
      if (this.#pinged) socket.send('{"type":"ping"}');
      this.#pinged = false;
    };
    socket.onmessage = ({ data }) => {
      Object.assign(socket, { heardAt: Date.now(), pingedAt: 0 });
      this.#hear(id, asked, JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#lose(id, code);
  }

  /** Answers a ping where no socket is open: none is missing where there is no room. */
  #answer() {
    this.#pinged = true;
    setTimeout(() => {
      if (this.#sockets.size) return; // rooms are subscribed right after the ping
      this.#pinged = false;
      this.#tell({ type: 'pong' });
    }, 0);
  }

  /** One socket may be dead while others are heard. */
  #watch() {
    const now = Date.now();
    for (const [id, socket] of this.#sockets) {
      socket.heardAt = Math.min(socket.heardAt, now); // a clock may be set back
      socket.pingedAt = Math.min(socket.pingedAt, now);
      const waits = !socket.ready || socket.pingedAt;
      if (now - (socket.pingedAt || socket.heardAt) <= (waits ? answerTime : quietMax)) continue;
      if (waits) this.#lose(id, 1006);
      else {
        socket.pingedAt = now;
        socket.send('{"type":"ping"}');
      }
    }
  }

  /** A room's own socket names the room only where it has to. Each tells that the token ends, and one of them is enough. */
  #hear(id, asked, frame) {
    if (frame.type === 'token_expiring') {
      if (frame.expires_at === this.#expiring) return;
      this.#expiring = frame.expires_at;
    }
    this.#tell({ ...frame, ...(frame.type === 'error' && { chat_room_id: id }) });
    if (frame.type === 'message_history') this.#tell({ type: 'ack', client_id: asked });
  }

  #lose(id, code) {
    this.#leave(id);
    if (code === 4003 || (code !== 4001 && this.#sockets.size)) return this.#tell({ type: 'left', chat_room_id: id, code });
    this.close();
    return this.onclose?.({ code });
  }

  #leave(id) {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #tell(frame) {
    if (!this.#closed) this.onmessage?.({ data: JSON.stringify(frame) });
  }
}
