package netpoll

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
		c.topic, c.member = t, index
	case c.more == nil:
		c.more = &[]membership{{t, index}}
	default:
		*c.more = append(*c.more, membership{t, index})
	}
}

// Remove ends c's membership. No effect where c is no member.
func (t *Topic) Remove(c *Conn) {
	if c.topic == t {
		t.take(c.member)
		c.topic = nil
		if m := c.more; m != nil {
			last := (*m)[len(*m)-1]
			c.topic, c.member = last.topic, last.index
			c.dropMembership(len(*m) - 1)
		}
		return
	}
	for i, m := range c.others() {
		if m.topic == t {
			t.take(m.index)
			c.dropMembership(i)
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
	for _, m := range c.others() {
		if m.topic == t {
			return true
		}
	}
	return false
}

// take takes out the member at index; the last one gets its place.
func (t *Topic) take(index uint32) {
	n := len(t.members) - 1
	if last := t.members[n]; int(index) != n {
		t.members[index] = last
		last.relocate(t, index)
	}
	t.members[n] = nil
	t.members = t.members[:n]
}

// relocate notes c's new place in t.
func (c *Conn) relocate(t *Topic, index uint32) {
	if c.topic == t {
		c.member = index
		return
	}
	for i, m := range c.others() {
		if m.topic == t {
			(*c.more)[i].index = index
		}
	}
}

// others returns c's memberships beside the first.
func (c *Conn) others() []membership {
	if c.more == nil {
		return nil
	}
	return *c.more
}

// dropMembership takes one out of c.more.
func (c *Conn) dropMembership(i int) {
	m := *c.more
	m[i] = m[len(m)-1]
	if m = m[:len(m)-1]; len(m) == 0 {
		c.more = nil
		return
	}
	*c.more = m
}

// leaveTopics ends all of c's memberships.
func (c *Conn) leaveTopics() {
	for c.topic != nil {
		c.topic.Remove(c)
	}
}
