// One WebSocket connection of a Caravan client, from the handshake to its end.

const joinTimeout = 8_000; // ms from the start until the first frame
const quietMax = 20_000; // ms without a frame, after which a ping is sent
const pongTimeout = 10_000; // ms for the answer

/**
 * Link opens a WebSocket and hands every frame to `receive`, already decoded, in
 * order. `ended` resolves exactly once, to the close code: the server's, or 1006
 * where the connection failed, fell silent or never began. No frame is handed on
 * after that.
 */
export class Link {
  /** Whether the first frame has come. */
  joined = false;
  /** @type {Promise<number>} */
  ended;

  #socket;
  #end;
  #receive;
  #heard = 0; // performance.now() of the last frame
  #asked = 0; // of the last ping
  #timer;

  /** `opened` is called when frames can be sent. */
  constructor(url, protocols, receive, opened) {
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#receive = receive;
    this.#heard = performance.now();
    this.#timer = setInterval(() => this.#checkPulse(), 1000);
    try {
      this.#socket = new WebSocket(url, protocols);
    } catch {
      this.close(1006); // the browser forbids it
      return;
    }
    this.#socket.onopen = opened;
    this.#socket.onmessage = (e) => this.#take(e.data);
    this.#socket.onclose = (e) => this.close(e.code);
  }

  /** Whether frames can be sent. */
  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends a frame. What is sent on a link that is not open is lost, as on the wire. */
  send(frame) {
    if (this.open) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the link at once: a dead network would keep us waiting for the peer's goodbye. */
  close(code = 1000) {
    clearInterval(this.#timer);
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
    }
    this.#end(code);
  }

  #take(text) {
    this.#heard = performance.now();
    this.joined = true;
    this.#receive(JSON.parse(text));
  }

  /** Browsers do not tell of a peer that is gone, nor show the server's pings. */
  #checkPulse() {
    const now = performance.now();
    const quiet = now - this.#heard;
    if (!this.joined) {
      if (quiet > joinTimeout) this.close(1006);
    } else if (this.#asked > this.#heard) {
      if (now - this.#asked > pongTimeout) this.close(1006);
    } else if (quiet > quietMax) {
      this.#asked = now;
      this.send({ type: 'ping' });
    }
  }
}
