package protocol

import "strings"

// VersionMax is the greatest version of the protocol that this build speaks. Clients that
// say nothing speak version 1.
const VersionMax = 2

// ParseVersion reads the version that a client asks for, a whole number from 1 on, and
// returns the one that it gets: VersionMax where it asks for a greater one.
func ParseVersion(s string) (version int, ok bool) {
	if !isDigits(s) {
		return 0, false
	}
	switch strings.TrimLeft(s, "0") {
	case "":
		return 0, false
	case "1":
		return 1, true
	}
	return VersionMax, true
}
