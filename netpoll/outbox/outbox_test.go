package outbox

import "testing"

func TestOutboxKeepsWhatWasBegun(t *testing.T) {
	o := new(Outbox)
	for range 10 {
		o.Push([]byte("0123456789"))
	}
	o.Advance(25)
	if o.Bytes() != 75 || string(o.First()) != "56789" || o.Bytes()-len(o.First()) != 70 {
		t.Fatalf("%d bytes, first %q, %d behind", o.Bytes(), o.First(), o.Bytes()-len(o.First()))
	}
	if dropped, bytes := o.Truncate(); dropped != 7 || bytes != 70 {
		t.Fatalf("dropped %d, %d bytes", dropped, bytes)
	}
	o.Push([]byte("end"))
	if o.Bytes() != 8 || string(o.First()) != "56789" {
		t.Fatalf("%d bytes, first %q", o.Bytes(), o.First())
	}
	o.Advance(5)
	if dropped, bytes := o.Truncate(); dropped != 1 || bytes != 3 || o.Bytes() != 0 {
		t.Fatalf("dropped %d, %d bytes", dropped, bytes)
	}
}

func TestLimitHoldsForWhatWaitsBehindTheFirst(t *testing.T) {
	const limit = 10
	var none *Outbox
	if none.Overflows(100, limit) || none.Bytes() != 0 {
		t.Error("nothing waits, so anything fits")
	}
	o := new(Outbox)
	if o.Overflows(100, limit) {
		t.Error("an empty outbox takes one payload of any size")
	}
	o.Push(make([]byte, 100)) // is being written
	if o.Overflows(limit, limit) || !o.Overflows(limit+1, limit) {
		t.Error("the limit holds for what waits behind the first")
	}
	o.Push(make([]byte, limit))
	if !o.Overflows(1, limit) {
		t.Error("full, and takes more")
	}
	o.Advance(100)
	if o.Overflows(limit, limit) || o.Buffers() != 1 {
		t.Error("the second is now the first")
	}
}

// What is taken out of the pool is empty; what nobody needs is given back.
func TestPoolKeepsEmptyOutboxesWhileTheyAreNeeded(t *testing.T) {
	var p Pool
	var taken []*Outbox
	for range 8 {
		o := p.Get()
		o.Push([]byte("left over"))
		taken = append(taken, o)
	}
	for _, o := range taken {
		p.Put(o)
	}
	if o := p.Get(); o.Bytes() != 0 || o.Buffers() != 0 {
		t.Errorf("%d bytes in an outbox of the pool", o.Bytes())
	} else {
		p.Put(o)
	}
	p.Trim()
	for range 10 {
		p.Trim()
	}
	if len(p.free) != 0 {
		t.Errorf("%d are kept for nobody", len(p.free))
	}
	large := new(Outbox)
	for range buffersKeptMax + 1 {
		large.Push(nil)
	}
	if p.Put(large); len(p.free) != 0 {
		t.Error("a large one is kept")
	}
}
