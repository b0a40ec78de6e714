// Who may be addressed in a room: its trip's collaborators, as REST lists them.

const keptFor = 60_000; // ms
const membersMax = 1_000; // that are asked for; who comes after them is not offered
const pageMax = 200;

/** Members asks for the list when it is wanted, and keeps it for a minute. */
export class Members {
  #rest;
  #room;
  #list;
  #until = 0;
  #asking;

  /**
   * @param rest (method, path) => Promise, below /api/v1/chat/
   * @param known members, {id, name}, until the server has been asked
   */
  constructor({ rest, room, known = [] }) {
    this.#rest = rest;
    this.#room = room;
    this.#list = known;
  }

  /** What is known now: {id, name, username}. */
  get known() {
    return this.#list;
  }

  /** The list, asked for where it is old. Where the server cannot be reached it is what is known. */
  async list() {
    if (Date.now() < this.#until) return this.#list;
    this.#asking ??= this.#ask().catch(() => {}).finally(() => (this.#asking = undefined));
    await this.#asking;
    return this.#list;
  }

  async #ask() {
    const all = [];
    let path = `rooms/${this.#room}/members/?limit=${pageMax}`;
    while (path && all.length < membersMax) {
      const { results, next } = await this.#rest('GET', path);
      all.push(...results.map(({ user }) => ({ id: user.id, username: user.username, name: (user.full_name || user.username || user.email).trim() })));
      path = next?.split('/api/v1/chat/')[1];
    }
    this.#list = all;
    this.#until = Date.now() + keptFor;
  }
}
