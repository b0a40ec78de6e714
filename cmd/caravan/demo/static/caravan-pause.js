// When a client tries again.

/**
 * The milliseconds before the nth attempt. They double from min to max, and half
 * of them is left to chance, so that a fleet does not come back in one instant.
 */
export function backoff(n, { min, max }) {
  return Math.min(min * 2 ** (n - 1), max) * (0.5 + Math.random() / 2);
}

/** Pause is a wait that can be ended early. */
export class Pause {
  #end = () => {};

  /** Resolves after ms, or when end() is called. */
  start(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end() {
    this.#end();
  }
}
