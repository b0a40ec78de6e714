package ledger

// numbers is a set of a room's numbers beyond its base, a bit for each.
type numbers struct {
	base int64
	bits []uint64
}

// add puts n into the set; numbers up to base are of no interest.
func (s *numbers) add(n int64) {
	if n <= s.base {
		return
	}
	word := int((n - s.base - 1) / 64)
	for len(s.bits) <= word {
		s.bits = append(s.bits, 0)
	}
	s.bits[word] |= 1 << ((n - s.base - 1) % 64)
}

// has reports whether n is in the set.
func (s *numbers) has(n int64) bool {
	if n <= s.base {
		return false
	}
	word := int((n - s.base - 1) / 64)
	return word < len(s.bits) && s.bits[word]&(1<<((n-s.base-1)%64)) != 0
}
