package backplane

import "time"

// Limits that no flag changes.
const (
	noticesMax     = 8_192    // notices of a slot that wait for Redis; more are dropped and counted
	noticeBytesMax = 16 << 20 // and their bytes
	lossyMax       = 1_024    // of them, those that wait at most for one to join that nobody misses, as of typing
	pipelineMax    = 256      // notices sent in one pipeline
	subscribeMax   = 128      // channels in one SUBSCRIBE; its answers fit into Redis's first buffer of 16 KiB

	// subscribePause is how long rooms that come right after others wait for company: for each SUBSCRIBE
	// the database is asked what its rooms have missed. What is said meanwhile is told after that.
	subscribePause = 100 * time.Millisecond

	strangersMax = 64 // other deployments that are told apart; more are only counted
	clusterSlots = 16 // slots of a Redis Cluster; the same on every node, or they do not share channels

	strangerEvery = time.Minute // between two lines of the log about other deployments

	hintsMax  = 1_024                  // rooms that wait to be compared with the database, since something came that is not believed
	hintEvery = 250 * time.Millisecond // how often those are compared

	signatureLife = time.Minute // from signing an envelope to its arrival, and what the nodes' clocks may differ by
	keyEvery      = time.Minute // how often the deployment's secret is looked up
	formerKeyLife = 2 * keyEvery
	keyPause      = 10 * time.Second // between two looks, whatever unknown keys are met
	keyTimeout    = 5 * time.Second

	linger           = 30 * time.Second // how long a room that nobody follows stays subscribed
	heartbeatEvery   = time.Second
	heartbeatLate    = 3 * time.Second  // without a heartbeat for so long the node is not healthy
	silentAfter      = 6 * time.Second  // and after this long the client is made anew
	meetEvery        = 5 * time.Second  // how often a node says that it lives, to the others and in the database
	meetTimeout      = 3 * time.Second  // for the database then
	liveFor          = 8 * time.Second  // so long a node is taken to live that has said so
	unheardAfter     = 15 * time.Second // a node that lives for so long and is not heard uses another server; more than meetEvery + liveFor
	unheardRetry     = 30 * time.Second // how long a client is kept while some are not heard: each time longer,
	unheardRetryMax  = 8 * time.Minute  // up to this, where it is those that are fewer
	unheardTold      = time.Minute      // between two lines of the log about those
	unheardToldAgain = 10 * time.Minute // between two, where none has come
	redisTimeout     = 2 * time.Second  // for one answer of Redis
	backoffMin       = 50 * time.Millisecond
	backoffMax       = 2 * time.Second
	backoffReset     = 10 * time.Second // what lasted so long was no failed attempt

	nodesMax      = 1_000   // nodes that are listed; further ones are not
	idBytesMax    = 64      // of a node's id in the list
	entryBytesMax = 4 << 10 // of its entry
	shownMax      = 100     // characters of a text in it that are shown

	failingToldAgain = 10 * time.Minute // between two lines of the log about what goes on failing
	doubtedAgain     = 10 * time.Minute // without an envelope that is not believed, until the next one is told again

	leaseEvery = 5 * time.Second
	leaseTime  = 15 * time.Second                  // a node that has not renewed its lease for so long is gone
	heardFor   = leaseTime + 1500*time.Millisecond // and so is one of which no heartbeat came: it may be on its way
	leaseKept  = 10 * time.Minute                  // a node that is gone is known for so long

	connBufferBytes = 64 << 10 // of rueidis, for reading and for writing, each connection
	redirectsMax    = 4        // of a command, after a cluster was reshaped
)
