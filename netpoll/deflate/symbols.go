package deflate

// endOfBlock is the symbol that ends a block; the ones above it are lengths.
const endOfBlock = 256

// span is what a length's or a distance's symbol stands for: base and the number
// that so many extra bits give.
type span struct {
	base  uint16
	extra uint8
}

// lengthSpans and distanceSpans are the tables of RFC 1951 section 3.2.5.
var lengthSpans = [literalsMax - endOfBlock - 1]span{
	{3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 0}, {11, 1}, {13, 1}, {15, 1}, {17, 1}, {19, 2}, {23, 2}, {27, 2},
	{31, 2}, {35, 3}, {43, 3}, {51, 3}, {59, 3}, {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0},
}

var distanceSpans = [distancesMax]span{
	{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 1}, {7, 1}, {9, 2}, {13, 2}, {17, 3}, {25, 3}, {33, 4}, {49, 4}, {65, 5}, {97, 5}, {129, 6},
	{193, 6}, {257, 7}, {385, 7}, {513, 8}, {769, 8}, {1025, 9}, {1537, 9}, {2049, 10}, {3073, 10}, {4097, 11}, {6145, 11}, {8193, 12},
	{12289, 12}, {16385, 13}, {24577, 13},
}

// compressed inflates a block of symbols (RFC 1951 section 3.2.3).
func (i *inflater) compressed(literal, distance *huffman) error {
	for {
		if i.n < enough {
			i.fill()
		}
		e := literal.next(i.bits)
		i.bits >>= e.bits()
		i.n -= e.bits()
		symbol := e.symbol()
		if e == 0 || i.n < 0 {
			return ErrCorrupt
		}
		if symbol < endOfBlock {
			if len(i.out) == i.end {
				return ErrTooBig
			}
			if len(i.out) == cap(i.out) {
				i.room(1)
			}
			i.out = append(i.out, byte(symbol))
			continue
		}
		if symbol == endOfBlock {
			return nil
		}
		if err := i.copyBack(symbol-endOfBlock-1, distance); err != nil {
			return err
		}
	}
}

// copyBack repeats what stands some distance before the end of the message. Its
// length symbol is read; the bits for the rest are there, if the input has them.
func (i *inflater) copyBack(lengthSymbol int, distance *huffman) error {
	if lengthSymbol >= len(lengthSpans) {
		return ErrCorrupt
	}
	length := i.spanned(lengthSpans[lengthSymbol])
	e := distance.next(i.bits)
	i.bits >>= e.bits()
	i.n -= e.bits()
	if e == 0 || e.symbol() >= len(distanceSpans) {
		return ErrCorrupt
	}
	back := i.spanned(distanceSpans[e.symbol()])
	at := len(i.out) - back
	if i.n < 0 || at < i.begin {
		return ErrCorrupt
	}
	if length > i.end-len(i.out) {
		return ErrTooBig
	}
	i.room(length)
	for length > 0 { // a copy longer than the distance repeats what it has written
		n := min(length, len(i.out)-at)
		i.out = append(i.out, i.out[at:at+n]...)
		length -= n
	}
	return nil
}

// spanned reads the extra bits of a span.
func (i *inflater) spanned(s span) int {
	v := int(s.base) + int(i.bits&(1<<s.extra-1))
	i.bits >>= s.extra
	i.n -= int(s.extra)
	return v
}
