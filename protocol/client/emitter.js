// Events of this library's objects.

/** Emitter calls those who listen. What one of them throws does not keep the others, or the chat, from going on. */
export class Emitter {
  #listeners = new Map(); // name → Set of functions

  /** Calls fn with each event of that name, until the function that it returns is called. */
  on(name, fn) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(fn);
    return () => this.#listeners.get(name).delete(fn);
  }

  _emit(name, detail) {
    for (const fn of this.#listeners.get(name) ?? []) {
      try {
        fn(detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // it is told where uncaught errors are
        });
      }
    }
  }
}
