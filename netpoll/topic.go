package netpoll

// Topic is a set of connections of ONE loop, which get the same messages. The
// zero value is an empty Topic. It belongs to the loop: no other goroutine may
// touch it. A connection leaves its topics by itself after Handler.Close.
type Topic struct {
	members []*Conn
}

// Len returns the number of members.
func (t *Topic) Len() int { return len(t.members) }

// Add makes c a member; it must not be one already.
func (t *Topic) Add(c *Conn) { panic("skeleton") }

// Remove ends c's membership; no effect where c is no member.
func (t *Topic) Remove(c *Conn) { panic("skeleton") }

// Send sends p to every member; see Conn.Send.
func (t *Topic) Send(p *Payload) {
	for _, c := range t.members {
		c.Send(p)
	}
}

// Each calls f for the members until it returns false. f must not add members;
// it may remove the one that it got.
func (t *Topic) Each(f func(*Conn) bool) { panic("skeleton") }
