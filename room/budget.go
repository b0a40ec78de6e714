package room

// What recent messages take in memory, beside their JSON: the history frame that is made
// of it, and that frame as a transport sends it, plain and compressed. And what an op
// takes beside its content.
const (
	tailCopies = 4
	opBytes    = 1 << 10
)

// BytesMax returns about how much memory a service with that Config keeps at most: what
// waits in lanes, recent messages, events that came too early, looks into the store. What
// its listeners keep is theirs.
func (c Config) BytesMax() int64 {
	c = c.withDefaults()
	lanes := int64(c.Lanes) * int64(laneQueueBytesMax+c.QueueOps*opBytes)
	looks := int64(latestWorkers*lookupBatchMax+c.BulkReads) * int64(c.HistoryBytes)
	return lanes + tailCopies*tailBytesMax + parkedBytesMax + looks
}
