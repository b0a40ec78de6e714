package room

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/presence"
)

// counters are the service's own figures.
type counters struct {
	stored                             [256]atomic.Int64 // events, by protocol.Kind
	Duplicates                         atomic.Int64
	AppendErrors                       atomic.Int64
	Entered, Unauthorized, Forbidden   atomic.Int64
	EnterUnavailable, EnterLimited     atomic.Int64
	KeysUnknown                        atomic.Int64
	TokensRenewed, TokensRefused       atomic.Int64
	ReadsOverRate, ReadsOverBytes      atomic.Int64
	ReadsOverLine, ReadsBusy           atomic.Int64
	HistoriesFromTail                  atomic.Int64
	Repairs, RepairErrors              atomic.Int64
	NumbersWritten, NumbersCompared    atomic.Int64
	Rechecks, RightsWritten            atomic.Int64
	Repeats, Gaps, ParkedDropped       atomic.Int64
	Congested, LeftOut, NoticesLeftOut atomic.Int64
	NoticesRepeated                    atomic.Int64
	Rewinds                            atomic.Int64
	Superseded                         atomic.Int64
	SummariesLeft                      atomic.Int64
	MarksDropped                       atomic.Int64

	overQuota overQuota

	mu      sync.Mutex
	refused map[protocol.Code]int64
}

// outcome counts what became of an op.
func (c *counters) outcome(op *Op) {
	switch {
	case op.Outcome == Duplicate:
		c.Duplicates.Add(1)
	case op.Outcome == Refused:
		c.mu.Lock()
		c.refused[op.Err.Code]++
		c.mu.Unlock()
		c.overQuota.note(op)
	default:
		c.stored[op.Kind].Add(1)
	}
}

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	Stored          map[protocol.Kind]int64 // committed events
	Messages, Edits int64                   // of them, those of two kinds
	Duplicates      int64                   // ops whose client_id was known
	AppendErrors    int64                   // transactions that failed
	Refused         map[protocol.Code]int64
	// Of those refused for a quota: the room was full, or its sender had sent too many.
	RoomQuota, UserQuota int64

	Entered, Unauthorized, Forbidden, EnterUnavailable int64 // answers to Enter
	EnterLimited                                       int64 // further ones, over the rate of reads
	HeldBackNow                                        int   // of these, those who are not told yet
	TokensRenewed, TokensRefused                       int64 // answers to Renew
	KeysUnknown                                        int64 // tokens that nobody could judge, of Enter and Authenticate

	ReadsOverRate, ReadsOverBytes   int64 // reads that were refused because of the user's allowance
	ReadsOverLine                   int64 // because too many of the user waited
	ReadsBusy                       int64 // because the database did not answer in time
	BulkUnderWayNow, BulkWaitingNow int
	MakingWaitingNow                int   // answers of memory that wait for their user's turn
	AccessLooks, AccessAsked        int64 // looks into the store, and the questions they answered
	HistoryLooks, HistoryAsked      int64
	HistoriesFromTail               int64 // histories answered from memory

	Repairs, RepairErrors int64 // rooms read again from the store because something was missed
	Rechecks              int64 // members whose rights were looked at again
	RightsWritten         int64 // users, trips and members of which the store said that their rights may have changed
	NumbersWritten        int64 // rooms of which the store said that their numbers were written, in polls
	NumbersCompared       int64 // rooms whose numbers were compared with the store's, in polls
	Repeats               int64 // batches that were known already and left out
	Gaps                  int64 // batches that came before their predecessor
	ParkedDropped         int64 // batches left out because too many waited; read again from the store
	Superseded            int64 // batches that were not told because another primary has taken over since
	LeftOut               int64 // batches of other nodes left out because the loops did not keep up; likewise
	NoticesRepeated       int64 // notices that told nothing new, or came too often, and were not told
	NoticesLeftOut        int64 // notices, as of typing, left out for the same reason; nobody reads them again
	Congested             int64 // pauses of a lane because the loops did not keep up

	SummariesLeft       int64 // summaries that had no place to wait in, and were left to the sweep
	SummariesWaitingNow int

	MarksDropped int64 // read marks that were neither stored nor kept, as there was no room
	MarksHeldNow int   // that wait to be stored with others

	Presence    presence.Stats
	SeenDropped int64 // times that it was not stored when a user was connected last, as that of too many waited

	Panics  int64 // in the service's goroutines, or in what they call
	Rewinds int64 // rooms whose store went back behind what had been told

	RoomsNow     int           // rooms with listeners on this node
	TailBytesNow int64         // recent messages kept in memory
	LanesNow     []int         // ops that wait, by lane
	RefusingNow  time.Duration // how long the lane has been refusing that has for longest
}

// Stats returns the present figures.
func (s *Service) Stats() Stats {
	c := &s.stats
	st := Stats{
		Stored: make(map[protocol.Kind]int64), Messages: c.stored[protocol.KindMessage].Load(), Edits: c.stored[protocol.KindEdit].Load(), Duplicates: c.Duplicates.Load(),
		AppendErrors: c.AppendErrors.Load(), Refused: make(map[protocol.Code]int64), RoomQuota: c.overQuota.room.Load(), UserQuota: c.overQuota.user.Load(),
		Entered: c.Entered.Load(), Unauthorized: c.Unauthorized.Load(), Forbidden: c.Forbidden.Load(),
		EnterUnavailable: c.EnterUnavailable.Load(), EnterLimited: c.EnterLimited.Load(), KeysUnknown: c.KeysUnknown.Load(),
		TokensRenewed: c.TokensRenewed.Load(), TokensRefused: c.TokensRefused.Load(),
		ReadsOverRate: c.ReadsOverRate.Load(), ReadsOverBytes: c.ReadsOverBytes.Load(), ReadsOverLine: c.ReadsOverLine.Load(), ReadsBusy: c.ReadsBusy.Load(),
		AccessLooks: s.access.looks.Load(), AccessAsked: s.access.asked.Load(),
		HistoryLooks: s.latest.looks.Load() + s.since.looks.Load(), HistoryAsked: s.latest.asked.Load() + s.since.asked.Load(),
		HistoriesFromTail: c.HistoriesFromTail.Load(),
		Rechecks:          c.Rechecks.Load(), RightsWritten: c.RightsWritten.Load(),
		NumbersWritten: c.NumbersWritten.Load(), NumbersCompared: c.NumbersCompared.Load(),
		Repairs: c.Repairs.Load(), RepairErrors: c.RepairErrors.Load(), Repeats: c.Repeats.Load(),
		Gaps: c.Gaps.Load(), ParkedDropped: c.ParkedDropped.Load(), LeftOut: c.LeftOut.Load(), Superseded: c.Superseded.Load(), NoticesLeftOut: c.NoticesLeftOut.Load(), NoticesRepeated: c.NoticesRepeated.Load(), Congested: c.Congested.Load(),
		SummariesLeft: c.SummariesLeft.Load(), SummariesWaitingNow: s.summaries.waitingNow(),
		MarksDropped: c.MarksDropped.Load(), MarksHeldNow: s.held.len(),
		Presence: s.presence.Stats(), SeenDropped: s.seen.dropped.Load(),
		Panics: s.guard.Panics(), Rewinds: c.Rewinds.Load(),
		RefusingNow: s.refusingFor(),
		RoomsNow:    s.hub.len(), TailBytesNow: s.hub.tailBytes.Load(),
	}
	st.BulkUnderWayNow, st.BulkWaitingNow = s.bulk.now()
	st.HeldBackNow = s.admission.held.now()
	_, st.MakingWaitingNow = s.making.now()
	for k := range c.stored {
		if n := c.stored[k].Load(); n > 0 {
			st.Stored[protocol.Kind(k)] = n
		}
	}
	c.mu.Lock()
	maps.Copy(st.Refused, c.refused)
	c.mu.Unlock()
	for _, l := range s.lanes {
		st.LanesNow = append(st.LanesNow, l.queue.Len())
	}
	return st
}
