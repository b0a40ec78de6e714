// When a client tries again.

/** Refusals that will pass: they say nothing against what was asked. */
const passing = ['unavailable', 'rate_limited', 'unknown_outcome', 'timeout', 'unreachable'];

export const willPass = (code) => passing.includes(code);

/** Milliseconds before the nth attempt, from 0: a random part of what doubles from half a second, up to half a minute. */
export const backoff = (n) => Math.random() * Math.min(500 * 2 ** n, 30_000);
