//go:build !race

package frame

const allocsAllowed = 0
