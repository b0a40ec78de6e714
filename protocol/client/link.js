// One connection, from the handshake to its end.

const quietMax = 20_000; // ms without a frame, after which a ping is sent
const answerTime = 10_000; // ms for its answer, and for the handshake
const tick = 1_000; // ms between two looks at the clock

/**
 * Link opens a WebSocket and hands each frame on, decoded. `ended` resolves once, to the close code: the server's,
 * or 1006 where the connection failed, fell silent or never began. After that no frame is handed on.
 */
export class Link {
  open = false;
  /** Whether a frame has come: the server has taken the token. */
  heard = false;
  /** @type {Promise<number>} */
  ended;

  #socket;
  #end;
  #take;
  #last = Date.now(); // when something was heard
  #asked = 0; // when a ping was sent that is not answered
  #timer;

  /**
   * @param make gives the WebSocket
   * @param opened is called when frames can be sent
   * @param take gets each frame
   */
  constructor(make, opened, take) {
    this.#take = take;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#timer = setInterval(() => this.#watch(), tick);
    try {
      this.#socket = make();
    } catch {
      return this.close(1006); // a page may forbid it
    }
    this.#socket.onopen = () => {
      this.open = true;
      opened();
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.close(code);
  }

  /** How frames come: `live`, or what a stand-in of a WebSocket says. */
  get phase() {
    return this.#socket.phase ?? 'live';
  }

  /** Sends a frame. What is sent on a link that is not open is lost, as on the wire. */
  send(frame) {
    if (this.open) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the link at once: a dead network would keep us waiting for the peer's goodbye. */
  close(code) {
    clearInterval(this.#timer);
    this.open = false;
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
    }
    this.#end(code);
  }

  /** Asks whether the peer is there: nobody tells of one that is gone, nor of a sleep of this machine. */
  probe() {
    if (!this.open || this.#asked) return;
    this.#asked = Date.now();
    this.send({ type: 'ping' });
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return this.close(1006); // no server of ours
    }
    this.#last = Date.now();
    this.#asked = 0;
    this.#take(frame);
    this.heard = true;
  }

  #watch() {
    const now = Date.now();
    this.#last = Math.min(this.#last, now); // a clock may be set back
    this.#asked = Math.min(this.#asked, now);
    const waits = !this.open || this.#asked;
    if (now - (this.#asked || this.#last) <= (waits ? answerTime : quietMax)) return;
    if (waits) this.close(1006);
    else this.probe();
  }
}
