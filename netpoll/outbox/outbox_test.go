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

func TestLimitHoldsForAllThatWaits(t *testing.T) {
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
	if !o.Overflows(1, limit) {
		t.Error("what is being written is over the limit, and more is taken")
	}
	o.Advance(96)
	if o.Overflows(limit-4, limit) || !o.Overflows(limit-3, limit) {
		t.Error("the rest of what is being written does not count")
	}
	o.Push(make([]byte, limit-4))
	if !o.Overflows(1, limit) {
		t.Error("full, and takes more")
	}
	o.Advance(limit)
	if o.Overflows(100, limit) {
		t.Error("empty again, and takes nothing")
	}
}

type counted struct{ times int }

func (c *counted) Gone() { c.times++ }

// Each receipt is told once, when its last byte is written or dropped, and not before.
func TestReceiptsComeOnceWhenTheirBytesHaveLeft(t *testing.T) {
	o := new(Outbox)
	receipts := make([]counted, 4)
	for i := range receipts {
		o.Push([]byte("before"))
		o.Push([]byte("0123456789"))
		o.Expect(&receipts[i])
	}
	o.Push([]byte("behind"))
	told := func(want ...int) {
		t.Helper()
		for i, times := range want {
			if receipts[i].times != times {
				t.Fatalf("receipt %d was told %d times, want %d", i, receipts[i].times, times)
			}
		}
	}
	o.Advance(15)
	told(0, 0, 0, 0)
	o.Advance(1)
	told(1, 0, 0, 0)
	o.Advance(8) // into the second one
	o.Truncate()
	told(1, 0, 1, 1)
	o.Push([]byte("the end"))
	o.Expect(&receipts[0])
	o.Advance(8)
	told(1, 1, 1, 1)
	new(Pool).Put(o)
	told(2, 1, 1, 1)
	if o.Bytes() != 0 || o.receipts != nil {
		t.Errorf("%d bytes, %v is a receipt", o.Bytes(), o.receipts)
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
