package room

import (
	"context"
	"log/slog"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/trace"
	"github.com/caravan-chat/caravan/room/unsent"
)

// Authenticator turns a bearer token into an identity. Its errors mean that the
// token is refused, but token.ErrKeysAway: it could not be judged.
type Authenticator interface {
	// Verify may wait for the key that the token names, within the context.
	Verify(ctx context.Context, bearer string) (token.Identity, error)
	// VerifyNow does not wait. It refuses a token whose key is not known yet with
	// token.ReasonKey.
	VerifyNow(bearer string) (token.Identity, error)
}

// Config has what an operator may tune. Zero values mean the defaults.
type Config struct {
	Lanes           int           // parallel writers; default 4
	BatchOps        int           // most ops in one transaction; default 2,000
	BatchDelay      time.Duration // how long a lane waits for company after the first op; default 0
	QueueOps        int           // ops that wait in one lane, more are refused as unavailable; default 16,384
	BulkReads       int           // reads that clients ask for, at once: as many as the store has connections for; default 4
	HistoryMessages int           // messages in the history frame; negative: none; default 50
	HistoryBytes    int           // in a frame or an answer with several messages, and in a read of missed events; default 256 KiB
	WriteWait       time.Duration // how long a message waits for a store that is away; default 5 s
	Unsent          *unsent.Limit // of what is made for clients and not sent yet; nil: none
	Bytes           Bytes         // what is kept at most
	Rules           protocol.Rules
	DeletedText     string           // what is told in place of a deleted message's content
	Links           protocol.Links   // of attachments; nil: they have none
	Roles           protocol.Roles   // what collaborators may do
	ReadsMembers    int              // in trips of at most so many collaborators members are told who has read how far; 0: in none
	PresenceList    int              // up to how many users who are in a room are told by their names; beyond it how many they are
	LastSeen        bool             // it is stored, and told, when users were connected last
	PresenceGrace   time.Duration    // how long a user without a connection counts as being there
	Congested       func() bool      // says that listeners do not keep up; lanes then pause. Nil: they do
	Allowances      *allowance.Table // what each user may ask for; nil: there is no limit
	Observer        Observer
	Tracer          *trace.Tracer // of what is asked for; nil: nothing is recorded
	Log             *slog.Logger
}

// Bytes bound what a service keeps. Zero values mean the defaults, which are the most that
// is of use.
type Bytes struct {
	Lane     int // of content that waits in one lane; more is refused as unavailable
	Tails    int // of recent messages, all rooms together
	Parked   int // of batches that wait for a gap to be filled, all rooms together; more is read again from the store
	Looks    int // of histories that are being read at once, about
	Entering int // of tokens that wait to be judged; more are turned away
}

func (b Bytes) withDefaults() Bytes {
	for _, of := range []struct {
		value *int
		def   int
	}{
		{&b.Lane, laneQueueBytesMax}, {&b.Tails, tailBytesMax}, {&b.Parked, parkedBytesMax},
		{&b.Looks, lookBytesMax}, {&b.Entering, enterBytesMax},
	} {
		if *of.value <= 0 {
			*of.value = of.def
		}
	}
	return b
}

// Limits that no flag changes. Their relations are asserted in limits_test.go.
const (
	laneQueueBytesMax = 32 << 20         // default of Bytes.Lane
	attemptMin        = time.Second      // of a lane while the store is away, up to the commit
	expireEvery       = time.Second / 2  // looks at what waits behind a batch that the store keeps
	refusingMax       = 10 * time.Second // how long a lane may be refusing while the node is ready
	tryWriteEvery     = time.Second      // of a lane that is refusing and has nothing to store
	queueOpsDefault   = 16_384           // default of Config.QueueOps
	retryDelayMin     = 20 * time.Millisecond
	retryDelayMax     = 500 * time.Millisecond

	enterQueueMax       = 16_384                         // handshakes that wait for a token check; more are turned away
	enterBytesMax       = enterQueueMax * token.BytesMax // default of Bytes.Entering
	keyWaitersMax       = 1_024                          // handshakes that wait for an unknown key to be asked for; more are turned away
	keyWorkers          = 4                              // of them, those that share one question
	keyCallsMax         = 32                             // REST calls that wait for an unknown key; others are answered unavailable at once
	lookupQueueMax      = 65_536                         // questions that wait for one look into the store; more fail as unavailable
	lookupBatchMax      = 256                            // questions in one look
	accessWorkers       = 2                              // looks for rights at once
	latestWorkers       = 2                              // looks for histories at once
	lookBytesMax        = 1 << 40                        // default of Bytes.Looks
	heldBackTime        = 5 * time.Second                // the longest that a refusal is held back
	heldBackUserMax     = 512                            // refusals of one user that are held back; further ones are told at once
	heldBackMax         = 4_096                          // and of all users; likewise
	lookupTimeout       = 10 * time.Second
	makers              = 2                      // answers that are made of memory at once; of each user one
	makingLineMax       = 1_024                  // and so many of each user wait: all that a client sends again after an outage, when its commit is known at once
	bulkLineMax         = 256                    // bulk reads of one user that wait; more are refused as over the rate
	bulkUnderWayMax     = 4                      // and that are under way, where the store does many more at once
	togetherMax         = 64                     // bulk reads in one look, of those that may go together
	togetherNumbersMax  = 32                     // numbers of a room that one of them is about; who missed more is answered alone
	togetherShare       = 8                      // part of Config.HistoryBytes that is read for one of them; likewise
	bulkWaitMax         = 10 * time.Second       // how long one waits for its turn; after it the answer is that the database is busy
	readRowBytes        = 256                    // what a row that was read counts as at least
	busyLogEvery        = 10 * time.Second       // lines of the log about reads that were turned away
	roundBatchMax       = 1_000                  // questions in one look of what comes round: rechecks, the slow poll
	repairersMax        = 4                      // rooms that are repaired from the store at once
	congestedPause      = time.Millisecond       // of a lane before it looks again
	parkedBatchesMax    = 64                     // batches that wait for a gap to be filled; more are read again from the store
	parkedBytesMax      = 64 << 20               // default of Bytes.Parked
	aheadMax            = 4                      // places that are known ahead of a room, of one primary each; with more it begins anew
	repairGrace         = 25 * time.Millisecond  // how long a gap may wait for another node's notice
	vainReadsMax        = 20                     // reads, over 8 s, after which batches that no read leads up to are dropped
	repairRetry         = 500 * time.Millisecond // pause after a failed repair
	drainGapsTimeout    = 5 * time.Second        // how long a drain waits for what is parked to be told
	drainGapsPause      = time.Millisecond       // between its looks
	drainAnswersTime    = time.Second            // how long a drain that is over waits for the answers to what is left
	pollHealthy         = 5 * time.Second        // slow poll of last_seq on one node, or while the backplane is healthy
	pollUnhealthy       = 1 * time.Second        // and while it is not
	pollAllEvery        = 5 * time.Minute        // of all rooms, whatever the store says has been written
	tailIdle            = time.Minute            // a tail that nobody asked for is dropped after this long
	tailAgeMax          = 5 * time.Minute        // and so is one that was read so long ago
	rewindsMax          = 65_536                 // rewinds that the operator has not heard of; more are counted only
	summaryEvery        = time.Second            // of a message on one node
	summaryStep         = 100 * time.Millisecond // between looks at what waits for that
	roomSummariesMax    = 50                     // in summaryEvery, of one room on one node; more wait
	waitingSummariesMax = 65_536                 // summaries that wait, all rooms together; more are left to the sweep
	summaryRoomsMax     = 65_536                 // rooms where some wait, or were made within summaryEvery; likewise
	sweepSummariesEvery = 5 * time.Second        // looks for summaries that were forgotten
	sweepSummariesAge   = 30 * time.Second       // which are due for longer than any node lets them wait
	sweptSummariesMax   = 1_000                  // that one such look takes, the longest due first
	tailBytesMax        = 64 << 20               // default of Bytes.Tails
	heldMarksMax        = 65_536                 // read marks that wait to be stored together; over it they are stored at once
	markEvery           = time.Second            // how long one waits at most, or so
	markGather          = 100 * time.Millisecond // and where none was stored lately
	seenEvery           = 5 * time.Second        // between two times that it is stored who was seen last
	seenUsersMax        = 65_536                 // users of whom that waits; of further ones it is not stored
	seenBatchMax        = 1_000                  // of them, those in one transaction
	fewBatchMax         = 16                     // small rooms of which one look finds who has read how far
)

func (c Config) withDefaults() Config {
	if c.Lanes <= 0 {
		c.Lanes = 4
	}
	if c.BatchOps <= 0 {
		c.BatchOps = 2_000
	}
	if c.BulkReads <= 0 {
		c.BulkReads = 4
	}
	if c.QueueOps <= 0 {
		c.QueueOps = queueOpsDefault
	}
	c.Bytes = c.Bytes.withDefaults()
	switch {
	case c.HistoryMessages == 0:
		c.HistoryMessages = protocol.HistoryMessagesDefault
	case c.HistoryMessages < 0:
		c.HistoryMessages = 0
	}
	if c.HistoryBytes <= 0 {
		c.HistoryBytes = protocol.HistoryBytesDefault
	}
	if c.WriteWait <= 0 {
		c.WriteWait = 5 * time.Second
	}
	if c.Rules.ContentRunesMax <= 0 {
		c.Rules.ContentRunesMax = protocol.ContentRunesMaxDefault
	}
	if c.Congested == nil {
		c.Congested = func() bool { return false }
	}
	if c.Observer == nil {
		c.Observer = silentObserver{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
