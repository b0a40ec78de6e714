package outbox

// Pool keeps a loop's empty outboxes, so that in steady state a delivery allocates
// nothing. The zero value is ready.
type Pool struct {
	free []*Outbox
	low  int // fewest free ones since the last trim: nobody needed them
}

// buffersKeptMax is the greatest capacity, in buffers, of an outbox that is kept.
const buffersKeptMax = 64

// Get returns an empty outbox.
func (p *Pool) Get() *Outbox {
	n := len(p.free)
	if n == 0 {
		p.low = 0
		return &Outbox{bufs: make([][]byte, 0, 4)}
	}
	o := p.free[n-1]
	p.free[n-1] = nil
	p.free = p.free[:n-1]
	p.low = min(p.low, n-1)
	return o
}

// Put takes an outbox back; what it holds is forgotten.
func (p *Pool) Put(o *Outbox) {
	if o.receipts != nil {
		o.acknowledge(o.bytes)
	}
	if cap(o.bufs) > buffersKeptMax {
		return
	}
	clear(o.bufs)
	*o = Outbox{bufs: o.bufs[:0], used: o.used}
	p.free = append(p.free, o)
}

// Trim gives back half of what was not needed since the last call.
func (p *Pool) Trim() {
	drop := (p.low + 1) / 2
	n := len(p.free) - drop
	clear(p.free[n:])
	p.free = p.free[:n]
	p.low = n
}
