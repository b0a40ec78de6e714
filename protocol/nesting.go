package protocol

import "sync"

// nesting is the stack of the objects and arrays that a scanner is in, one bit
// each, set for an object. The outer ones need no memory: a text may begin many.
type nesting struct {
	depth int
	outer uint64
	inner *innerNesting // nil while depth was never more than 64
}

// innerNesting has what lies deeper than 64. Pooled, and not cleared: a bit is set or
// cleared when its place is taken.
type innerNesting [nestingMax / 64]uint64

var innerNestings = sync.Pool{New: func() any { return new(innerNesting) }}

func (n *nesting) push(object bool) {
	word, bit := &n.outer, uint64(1)<<(n.depth%64)
	if n.depth >= 64 {
		if n.inner == nil {
			n.inner = innerNestings.Get().(*innerNesting)
		}
		word = &n.inner[n.depth/64-1]
	}
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	n.depth++
}

// object says whether the innermost is an object.
func (n *nesting) object() bool {
	top := n.depth - 1
	word := n.outer
	if top >= 64 {
		word = n.inner[top/64-1]
	}
	return word>>(top%64)&1 == 1
}

// release is the end of its use.
func (n *nesting) release() {
	if n.inner != nil {
		innerNestings.Put(n.inner)
	}
}

// nested goes over the object or array that begins here, which itself lies in
// one object.
func (s *scanner) nested() bool {
	var in nesting
	ok := s.within(&in)
	in.release()
	return ok
}

// within does so with an empty stack.
func (s *scanner) within(in *nesting) bool {
	for {
		if c := s.peek(); c == '{' || c == '[' {
			s.at++
			if in.depth+1 == nestingMax {
				return false
			}
			in.push(c == '{')
			s.space()
			if !s.eat(closing(in.object())) {
				if !s.begin(in) {
					return false
				}
				continue
			}
			in.depth--
		} else if _, ok := s.scalar(); !ok {
			return false
		}
		if more, ok := s.leave(in); !ok || !more {
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
