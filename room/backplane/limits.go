package backplane

import "time"

// Limits that no flag changes.
const (
	noticesMax     = 8_192    // notices of a slot that wait for Redis; more are dropped and counted
	noticeBytesMax = 16 << 20 // and their bytes
	lossyMax       = 1_024    // of them, those that wait at most for one to join that nobody misses, as of typing
	pipelineMax    = 256      // notices sent in one pipeline
	subscribeMax   = 128      // channels in one SUBSCRIBE; its answers fit into Redis's first buffer of 16 KiB
	strangersMax   = 256      // nodes of other deployments that the log tells of; more are only counted
	clusterSlots   = 16       // slots of a Redis Cluster; the same on every node, or they do not share channels

	linger         = 30 * time.Second // how long a room that nobody follows stays subscribed
	heartbeatEvery = time.Second
	heartbeatLate  = 3 * time.Second // without a heartbeat for so long the node is not healthy
	silentAfter    = 6 * time.Second // and after this long the client is made anew
	redisTimeout   = 2 * time.Second // for one answer of Redis
	backoffMin     = 50 * time.Millisecond
	backoffMax     = 2 * time.Second
	backoffReset   = 10 * time.Second // what lasted so long was no failed attempt

	leaseEvery = 5 * time.Second
	leaseTime  = 15 * time.Second // a node that has not renewed its lease for so long is gone

	connBufferBytes = 64 << 10 // of rueidis, for reading and for writing, each connection
	redirectsMax    = 4        // of a command, after a cluster was reshaped
)
