package protocol

import (
	"math"
	"strconv"
)

// ParseSeq reads a sequence number as clients write it in a query: decimal digits
// and nothing else. A number that is too large for any room becomes the largest
// there is, so that it stands beyond the room's last like any other.
func ParseSeq(s string) (seq int64, ok bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	switch {
	case err == nil:
		return int64(n), true
	case isDigits(s):
		return math.MaxInt64, true
	}
	return 0, false
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
