// A store that answers by promises, for several pages: no two of them change a key at once.

/**
 * What Caravan gets as `store` where that answers by promises, as IndexedDB does. A page holds the lock of a key (Web Locks) from reading it until it
 * is written, or until it is clear that it will not be. Without Web Locks, as on a page without TLS, this is the store itself.
 */
export function sharedStore(store, locks = globalThis.navigator?.locks) {
  if (!locks) return store;
  const held = new Map(); // key → what gives its lock back
  const lock = (key) => new Promise((taken, failed) => locks.request(key, () => new Promise(taken)).catch(failed));
  return {
    async get(key) {
      const release = await lock(key);
      try {
        const text = await store.get(key);
        held.set(key, release);
        setTimeout(() => held.get(key) === release && held.delete(key) && release()); // who writes does so as soon as this is read
        return text;
      } catch (error) {
        release();
        throw error;
      }
    },
    async set(key, text) {
      const release = held.get(key);
      held.delete(key);
      try {
        await store.set(key, text);
      } finally {
        release?.();
      }
    },
  };
}
