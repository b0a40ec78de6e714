package netpoll

// Outcome says what became of a Send.
type Outcome uint8

// The outcomes.
const (
	Queued     Outcome = iota // it is written at the end of the turn, or when the client reads
	NotOpen                   // the connection is closing or closed: dropped
	Overflowed                // it would have exceeded OutboxBytesMax: the connection is being closed
)

// outbox is what waits to be written to one connection: references to buffers that
// never change, in order. A connection has one only while something waits.
type outbox struct {
	bufs  [][]byte // from head on; the first one without what is written already
	head  int
	bytes int  // in bufs
	begun bool // a part of the first buffer is written: the rest must follow
}

func (o *outbox) push(b []byte) {
	if len(o.bufs) == cap(o.bufs) && o.head > len(o.bufs)/2 {
		n := copy(o.bufs, o.bufs[o.head:])
		clear(o.bufs[n:])
		o.bufs, o.head = o.bufs[:n], 0
	}
	o.bufs = append(o.bufs, b)
	o.bytes += len(b)
}

func (o *outbox) first() []byte { return o.bufs[o.head] }

// behind returns the bytes behind the first buffer.
func (o *outbox) behind() int {
	if o.bytes == 0 {
		return 0
	}
	return o.bytes - len(o.first())
}

// advance takes n bytes off the front, which were written.
func (o *outbox) advance(n int) {
	o.bytes -= n
	for n > 0 {
		if first := o.first(); n < len(first) {
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

// truncate drops everything that need not be written for the stream to stay
// whole: all but the rest of a buffer that was begun. It returns how many buffers
// that were and their bytes.
func (o *outbox) truncate() (dropped, bytes int) {
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
	return dropped, bytes
}

// outboxPool keeps a loop's empty outboxes, so that in steady state a delivery
// allocates nothing, and an idle connection holds none.
type outboxPool struct {
	free []*outbox
	low  int // fewest free ones since the last trim: nobody needed them
}

// outboxKeptMax is the greatest capacity, in buffers, of an outbox that is kept.
const outboxKeptMax = 64

func (p *outboxPool) get() *outbox {
	n := len(p.free)
	if n == 0 {
		p.low = 0
		return &outbox{bufs: make([][]byte, 0, 4)}
	}
	o := p.free[n-1]
	p.free[n-1] = nil
	p.free = p.free[:n-1]
	p.low = min(p.low, n-1)
	return o
}

// put takes an outbox back; what it holds is forgotten.
func (p *outboxPool) put(o *outbox) {
	if cap(o.bufs) > outboxKeptMax {
		return
	}
	clear(o.bufs)
	*o = outbox{bufs: o.bufs[:0]}
	p.free = append(p.free, o)
}

// trim gives back half of what was not needed since the last call.
func (p *outboxPool) trim() {
	drop := (p.low + 1) / 2
	n := len(p.free) - drop
	clear(p.free[n:])
	p.free = p.free[:n]
	p.low = n
}
