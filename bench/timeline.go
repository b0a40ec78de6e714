package bench

import "time"

// what a time is of.
type timeOf uint8

const (
	ofEcho     timeOf = iota // meant to be sent to own echo
	ofDelivery               // meant to be sent to arrival at another member
	ofConnect                // connecting to history frame
	ofLag                    // meant to be sent to sent
	ofReturn                 // meant to connect again to history frame
	timesOf
)

// slot holds the times that began in one second.
type slot [timesOf]bins

// timeline holds the times of a whole run by the second in which they began: that in which
// a message was meant to be sent, not that in which it came.
type timeline struct {
	width  int64   // ns of a slot
	slots  []*slot // nil: nothing began in it
	sealed int     // the slots before it have been shown to whoever watches
}

// slotsMax bounds a timeline's memory, 13 KB a slot: in longer runs slots are longer than a second.
const slotsMax = 3_600

func slotWidth(whole time.Duration) time.Duration {
	return time.Second * max(1, (whole+slotsMax*time.Second-1)/(slotsMax*time.Second))
}

// record counts a time that began at a moment of the run.
func (t *timeline) record(of timeOf, began, ns int64) {
	t.slot(int(max(began, 0) / t.width))[of].record(ns)
}

// slot is the slot at a place, which there is from then on.
func (t *timeline) slot(at int) *slot {
	for at >= len(t.slots) {
		t.slots = append(t.slots, nil)
	}
	if t.slots[at] == nil {
		t.slots[at] = new(slot)
	}
	return t.slots[at]
}

// seal returns a copy of the slot that ended last, once; nil where none has ended since.
func (t *timeline) seal(now int64) *slot {
	at := int(now / t.width)
	if at <= t.sealed {
		return nil
	}
	t.sealed = at
	last := new(slot)
	if at-1 < len(t.slots) && t.slots[at-1] != nil {
		*last = *t.slots[at-1]
	}
	return last
}

// add adds another worker's.
func (t *timeline) add(o *timeline) {
	for len(t.slots) < len(o.slots) {
		t.slots = append(t.slots, nil)
	}
	for i, s := range o.slots {
		if s != nil {
			if t.slots[i] == nil {
				t.slots[i] = new(slot)
			}
			t.slots[i].add(s)
		}
	}
}

func (s *slot) add(o *slot) {
	for of := range s {
		s[of].add(&o[of])
	}
}

// between sums the slots that begin from one moment of the run to before another.
func (t *timeline) between(from, to int64) *slot {
	sum := new(slot)
	for i := int((from + t.width/2) / t.width); i < int((to+t.width/2)/t.width) && i < len(t.slots); i++ {
		if t.slots[i] != nil {
			sum.add(t.slots[i])
		}
	}
	return sum
}
