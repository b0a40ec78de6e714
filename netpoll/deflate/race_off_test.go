//go:build !race

package deflate

const allocsAllowed = 0

const slowness = 1
