// The socket of each room, in place of the one of the user.

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
  #protocols;
  #sockets = new Map(); // id of a room, as it was subscribed → WebSocket
  #waiting = []; // frames about no room, until a socket is open
  #closed = false;

  constructor(open, url, protocols) {
    this.#open = open;
    this.#url = url;
    this.#protocols = protocols;
    setTimeout(() => this.onopen?.(), 0);
  }

  send(text) {
    const frame = JSON.parse(text);
    if (frame.type === 'subscribe') return frame.rooms.forEach((room) => this.#enter(room, frame.client_id));
    if (frame.type === 'unsubscribe') return frame.rooms.forEach((id) => this.#leave(id));
    const { chat_room_id: room, ...alone } = frame;
    if (room) return this.#sockets.get(room)?.send(JSON.stringify(alone));
    const open = [...this.#sockets.values()].filter((s) => s.ready);
    if (!open.length) this.#waiting.push(text);
    for (const socket of open) socket.send(text);
    return undefined;
  }

  close() {
    this.#closed = true;
    for (const id of this.#sockets.keys()) this.#leave(id);
  }

  #enter({ id, since, since_id: last }, asked) {
    this.#leave(id);
    let url = this.#url.replace('?', `${id}/?`);
    if (since !== undefined) url += `&since=${since}`;
    if (last) url += `&since_id=${last}`;
    const socket = this.#open(url, this.#protocols);
    this.#sockets.set(id, socket);
    socket.onopen = () => {
      socket.ready = true;
      for (const text of this.#waiting.splice(0)) socket.send(text);
    };
    socket.onmessage = ({ data }) => this.#hear(id, asked, JSON.parse(data));
    socket.onclose = ({ code }) => this.#lose(id, code);
  }

  /** A room's own socket names the room only where it has to. */
  #hear(id, asked, frame) {
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
