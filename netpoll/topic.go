package netpoll

// Topic is a set of connections of ONE loop, which get the same messages. The
// zero value is an empty Topic. It belongs to the loop: no other goroutine may
// touch it. A connection leaves its topics by itself after Handler.Close.
type Topic struct {
	members []*Conn // in no order
}

// seat is a membership: members[index] of the topic is the connection. The first
// one lies in the Conn itself, because most connections have one topic.
type seat struct {
	topic *Topic
	index uint32
}

// Len returns the number of members.
func (t *Topic) Len() int { return len(t.members) }

// Add makes c a member. No effect where it is one, or is not open.
func (t *Topic) Add(c *Conn) {
	if c.state != stateOpen || t.has(c) {
		return
	}
	index := uint32(len(t.members))
	t.members = append(t.members, c)
	switch {
	case c.topic == nil:
		c.topic, c.seat = t, index
	case c.seats == nil:
		c.seats = &[]seat{{t, index}}
	default:
		*c.seats = append(*c.seats, seat{t, index})
	}
}

// Remove ends c's membership. No effect where c is no member.
func (t *Topic) Remove(c *Conn) {
	if c.topic == t {
		t.vacate(c.seat)
		c.topic = nil
		if s := c.seats; s != nil {
			last := (*s)[len(*s)-1]
			c.topic, c.seat = last.topic, last.index
			c.dropSeat(len(*s) - 1)
		}
		return
	}
	for i, s := range c.more() {
		if s.topic == t {
			t.vacate(s.index)
			c.dropSeat(i)
			return
		}
	}
}

// Send sends p to every member; see Conn.Send.
func (t *Topic) Send(p *Payload) {
	for _, c := range t.members {
		c.Send(p)
	}
}

// Each calls f for the members until it returns false. f must not add members; it
// may remove the one that it got.
func (t *Topic) Each(f func(*Conn) bool) {
	for i := len(t.members) - 1; i >= 0; i-- {
		if !f(t.members[i]) {
			return
		}
	}
}

func (t *Topic) has(c *Conn) bool {
	if c.topic == t {
		return true
	}
	for _, s := range c.more() {
		if s.topic == t {
			return true
		}
	}
	return false
}

// vacate gives the seat to the last member.
func (t *Topic) vacate(index uint32) {
	n := len(t.members) - 1
	if last := t.members[n]; int(index) != n {
		t.members[index] = last
		last.reseat(t, index)
	}
	t.members[n] = nil
	t.members = t.members[:n]
}

// reseat notes c's new place in t.
func (c *Conn) reseat(t *Topic, index uint32) {
	if c.topic == t {
		c.seat = index
		return
	}
	for i, s := range c.more() {
		if s.topic == t {
			(*c.seats)[i].index = index
		}
	}
}

func (c *Conn) more() []seat {
	if c.seats == nil {
		return nil
	}
	return *c.seats
}

// dropSeat takes seat i out of c.seats.
func (c *Conn) dropSeat(i int) {
	s := *c.seats
	s[i] = s[len(s)-1]
	if s = s[:len(s)-1]; len(s) == 0 {
		c.seats = nil
		return
	}
	*c.seats = s
}

// leaveTopics ends all of c's memberships.
func (c *Conn) leaveTopics() {
	for c.topic != nil {
		c.topic.Remove(c)
	}
}
