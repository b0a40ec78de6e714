package room

// What recent messages take in memory, beside their JSON: the history frame that is made
// of it, and that frame as a transport sends it, plain and compressed. And what an op
// takes beside its content.
const (
	tailCopies = 4
	opBytes    = 1 << 10
)

// laneOpsMin is the least that a lane's queue takes: a burst of some users.
const laneOpsMin = 256

// BytesMax returns about how much memory a service with that Config keeps at most: what
// waits in lanes, recent messages, events that came too early, looks into the store. What
// its listeners keep is theirs.
func (c Config) BytesMax() int64 {
	c = c.withDefaults()
	lanes := int64(c.Lanes) * int64(c.Bytes.Lane+c.QueueOps*opBytes)
	looks := int64(latestWorkers*c.historiesAtOnce()+c.BulkReads*togetherMax/togetherShare) * int64(c.HistoryBytes)
	return lanes + tailCopies*int64(c.Bytes.Tails) + int64(c.Bytes.Parked) + looks + int64(c.Bytes.Entering)
}

// LaneWithin returns how many ops may wait in one of so many lanes, and how many bytes of
// their content, where all lanes together may take so much memory. contentBytes is the
// longest content, which must fit.
func LaneWithin(bytes int64, lanes, contentBytes int) (ops, laneBytes int) {
	half := bytes / 2 / int64(lanes)
	ops = int(min(max(half/opBytes, laneOpsMin), queueOpsDefault))
	return ops, int(min(max(half, int64(contentBytes)), laneQueueBytesMax))
}

// historiesAtOnce is how many histories are read in one look.
func (c *Config) historiesAtOnce() int {
	return max(1, min(lookupBatchMax, c.Bytes.Looks/latestWorkers/c.HistoryBytes))
}
