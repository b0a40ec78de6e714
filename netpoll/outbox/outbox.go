package outbox

// Outcome says what became of a payload that was to be sent.
type Outcome uint8

// The outcomes.
const (
	Queued     Outcome = iota // it is written at the end of the turn, or when the client reads
	NotOpen                   // the connection is closing or closed: dropped
	Overflowed                // it would have exceeded the outbox's limit: the connection is being closed
)

// Receipt is told once that the bytes that it stands for have left an outbox, written
// or dropped. The call comes from the outbox's event loop and must not lead back to it.
type Receipt interface{ Gone() }

// Outbox is what waits for one connection. The zero value is empty. A connection
// has one only while something waits; the methods that only look take a nil one for
// an empty one.
type Outbox struct {
	bufs  [][]byte // from head on; the first one without what is written already
	head  int
	bytes int  // in bufs
	begun bool // a part of the first buffer is written: the rest must follow

	receipts *receipt // of buffers that wait, in their order. Few outboxes have some
	used     *receipt // one that was told, for the next; nil: none
}

// receipt is due when so many of the bytes that wait have left.
type receipt struct {
	left int
	to   Receipt
	next *receipt
}

// Bytes returns how many bytes wait.
func (o *Outbox) Bytes() int {
	if o == nil {
		return 0
	}
	return o.bytes
}

// Buffers returns how many buffers wait.
func (o *Outbox) Buffers() int { return len(o.bufs) - o.head }

// Overflows tells whether n more bytes would exceed the limit, for which the rest of
// the buffer that is being written counts, too. What comes into an empty outbox is
// within it, whatever its size: it could not be delivered otherwise.
func (o *Outbox) Overflows(n, limit int) bool {
	return o != nil && o.bytes > 0 && o.bytes+n > limit
}

// Push queues b, which never changes from now on. It knows no limit: see Overflows.
func (o *Outbox) Push(b []byte) {
	if len(o.bufs) == cap(o.bufs) && o.head > len(o.bufs)/2 {
		n := copy(o.bufs, o.bufs[o.head:])
		clear(o.bufs[n:])
		o.bufs, o.head = o.bufs[:n], 0
	}
	o.bufs = append(o.bufs, b)
	o.bytes += len(b)
}

// Expect has r told when all that waits now has left.
func (o *Outbox) Expect(r Receipt) {
	last := &o.receipts
	for *last != nil {
		last = &(*last).next
	}
	next := o.used
	if o.used = nil; next == nil {
		next = new(receipt)
	}
	*next = receipt{left: o.bytes, to: r}
	*last = next
}

// First returns what is left of the first buffer. The outbox must not be empty.
func (o *Outbox) First() []byte { return o.bufs[o.head] }

// Advance takes n bytes off the front, which were written.
func (o *Outbox) Advance(n int) {
	o.bytes -= n
	if o.receipts != nil {
		o.acknowledge(n)
	}
	for n > 0 {
		if first := o.First(); n < len(first) {
			o.bufs[o.head] = first[n:]
			o.begun = true
			return
		} else {
			n -= len(first)
		}
		o.bufs[o.head] = nil
		o.head++
		o.begun = false
	}
}

// Truncate drops everything that need not be written for the stream to stay
// whole: all but the rest of a buffer that was begun. It returns how many buffers
// that were and their bytes.
func (o *Outbox) Truncate() (dropped, bytes int) {
	from := o.head
	if o.begun {
		from++
	}
	for _, b := range o.bufs[from:] {
		bytes += len(b)
	}
	dropped = len(o.bufs) - from
	clear(o.bufs[from:])
	o.bufs = o.bufs[:from]
	o.bytes -= bytes
	for last := &o.receipts; *last != nil; {
		if r := *last; r.left > o.bytes {
			r.to.Gone()
			*last = r.next
		} else {
			last = &r.next
		}
	}
	return dropped, bytes
}

// acknowledge tells those receipts whose bytes have left when n have.
func (o *Outbox) acknowledge(n int) {
	for r := o.receipts; r != nil; {
		next := r.next
		if r.left -= n; r.left <= 0 {
			r.to.Gone()
			o.receipts = next
			*r = receipt{}
			o.used = r
		}
		r = next
	}
}
