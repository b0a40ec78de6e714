package netpoll

// Stats is what a Server counted. Totals only grow. Each loop brings its share up
// to date at the end of its turns.
type Stats struct {
	Open    int // WebSockets now
	Sockets int // now, of any kind: handshaking, open, ending; without those given to Config.HTTP
	HTTP    int // connections now that were given to Config.HTTP and not closed yet

	Accepted  uint64                 // sockets
	Failed    uint64                 // accepts, for want of descriptors or memory, where the clients wait; and take-backs, where they are closed
	Opened    uint64                 // WebSockets
	HTTPTotal uint64                 // connections given to Config.HTTP
	Refused   [RefusalReasons]uint64 // by RefusalReason
	Closes    map[uint16]uint64      // WebSockets, by close code; a client's own codes count as 3000 and 4000
	Causes    [Causes]uint64         // WebSockets, by Cause
	Panics    uint64                 // in the Handler and in Config.HTTP

	MessagesIn  uint64
	BytesIn     uint64              // read from sockets
	Deliveries  uint64              // messages put into outboxes
	BytesOut    uint64              // written to sockets
	Writes      uint64              // system calls that did so
	OutboxBytes int                 // waiting now
	BegunBytes  int                 // of messages that had not come whole, and of paused clients, when that was last looked at, and all that came since
	Stalled     int                 // connections now whose kernel buffer is full
	Paused      int                 // connections now that are not read; see Handler.Wait
	Pauses      uint64              // how often one began
	Dropped     [DropReasons]uint64 // payloads that were not delivered, by DropReason

	Mail        uint64 // posted functions that were called
	MailWaiting int    // now
	Turns       uint64
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	st := Stats{
		Sockets: int(s.sockets.Load()),
		HTTP:    int(s.https.Load()),
		Closes:  make(map[uint16]uint64),
		Panics:  s.httpPanics.Load(),
		Failed:  s.acceptFailures.Load(),
	}
	for _, l := range s.loops {
		st.add(&l.board)
		st.MailWaiting += l.MailWaiting()
	}
	return st
}

func (st *Stats) add(b *board) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.counts
	st.Open += c.open
	st.Accepted += c.accepted
	st.Opened += c.opened
	st.HTTPTotal += c.httpTotal
	for i, n := range c.refused {
		st.Refused[i] += n
	}
	for code, n := range c.closes {
		st.Closes[code] += n
	}
	for i, n := range c.causes {
		st.Causes[i] += n
	}
	st.Panics += c.panics
	st.MessagesIn += c.messagesIn
	st.BytesIn += c.bytesIn
	st.Deliveries += c.deliveries
	st.BytesOut += c.bytesOut
	st.Writes += c.writes
	st.OutboxBytes += c.outboxBytes
	st.BegunBytes += c.begunBytes
	st.Stalled += c.stalled
	st.Paused += c.paused
	st.Pauses += c.pauses
	for i, n := range c.dropped {
		st.Dropped[i] += n
	}
	st.Mail += c.mail
	st.Turns += c.turns
}
