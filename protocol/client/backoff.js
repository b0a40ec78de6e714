// When a client tries again.

/** Refusals that will pass: they say nothing against what was asked. */
const passing = ['unavailable', 'rate_limited', 'unknown_outcome', 'timeout'];

export const willPass = (code) => passing.includes(code);

/** Milliseconds before the nth attempt, from 0: a random part of what doubles from min to max. */
export const backoff = (random, n, min, max) => random() * Math.min(min * 2 ** n, max);

/** What the library needs from around it. Tests give their own. */
export const surroundings = () => ({
  WebSocket: globalThis.WebSocket,
  fetch: (...args) => fetch(...args),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => Date.now(),
  random: () => Math.random(),
});
