import type { Store } from './index.js';

/** Keeps two pages from changing a key of a store at once that answers by promises. `locks`: Web Locks; the browser's where it is left out, and none where it is null. */
export function sharedStore(store: Store, locks?: LockManager | null): Store;
