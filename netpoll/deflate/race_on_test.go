//go:build race

package deflate

// allocsAllowed: under the race detector a sync.Pool drops things at random.
const allocsAllowed = 4

// slowness is how much longer things may take.
const slowness = 20
