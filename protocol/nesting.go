package protocol

// nesting is the stack of the objects and arrays that a scanner is in, one bit
// each, set for an object.
type nesting struct {
	depth int
	bits  [nestingMax/64 + 1]uint64
}

func (n *nesting) push(object bool) {
	bit := uint64(1) << (n.depth % 64)
	if object {
		n.bits[n.depth/64] |= bit
	} else {
		n.bits[n.depth/64] &^= bit
	}
	n.depth++
}

// object says whether the innermost is an object.
func (n *nesting) object() bool {
	top := n.depth - 1
	return n.bits[top/64]>>(top%64)&1 == 1
}

// nested goes over the object or array that begins here, which itself lies in
// one object.
func (s *scanner) nested() bool {
	var in nesting
	for {
		if c := s.peek(); c == '{' || c == '[' {
			s.at++
			if in.depth+1 == nestingMax {
				return false
			}
			in.push(c == '{')
			s.space()
			if !s.eat(closing(in.object())) {
				if !s.begin(&in) {
					return false
				}
				continue
			}
			in.depth--
		} else if _, ok := s.scalar(); !ok {
			return false
		}
		if more, ok := s.leave(&in); !ok || !more {
			return ok
		}
	}
}

// leave goes on after a value: out of what ends here, up to the value that comes
// next. more is false when the outermost has ended.
func (s *scanner) leave(in *nesting) (more, ok bool) {
	for in.depth > 0 {
		s.space()
		if s.eat(',') {
			s.space()
			return true, s.begin(in)
		}
		if !s.eat(closing(in.object())) {
			return false, false
		}
		in.depth--
	}
	return false, true
}

// begin goes to the value of an element, which has a key in an object.
func (s *scanner) begin(in *nesting) bool {
	if !in.object() {
		return true
	}
	_, ok := s.key()
	return ok
}

func closing(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}
