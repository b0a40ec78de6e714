//go:build race

package frame

// allocsAllowed: under the race detector a sync.Pool drops things at random.
const allocsAllowed = 4
