package room

import (
	"testing"
	"time"

	"github.com/caravan-chat/caravan/protocol"
)

// TestLimitsFitTogether holds the constants against what their comments promise.
func TestLimitsFitTogether(t *testing.T) {
	def := Config{}.withDefaults()
	const runeBytesMax = 4
	for what, holds := range map[string]bool{
		"the longest message fits into an empty lane":            runeBytesMax*def.Rules.ContentRunesMax <= laneQueueBytesMax,
		"a lane's queue fills a batch":                           def.QueueOps >= def.BatchOps,
		"pauses between attempts grow":                           0 < retryDelayMin && retryDelayMin < retryDelayMax,
		"a short outage is waited out with several attempts":     def.WriteWait > 4*retryDelayMax,
		"a lane looks for congestion more often than it retries": congestedPause < retryDelayMin,
		"a full look fits into the queue":                        lookupBatchMax <= lookupQueueMax,
		"a hole waits for its notice before it is read":          0 < repairGrace && repairGrace < repairRetry,
		"a repair that is tried again beats the slow poll":       repairRetry < pollUnhealthy,
		"the poll is faster while no notices come":               pollUnhealthy < pollHealthy,
		"a tail outlives the poll":                               pollHealthy < tailIdle,
		"a tail that is asked for outlives one that is not":      tailIdle < tailAgeMax,
		"the default history is what the protocol says":          def.HistoryMessages == protocol.HistoryMessagesDefault,
		"an attempt is a part of what a message waits":           2*attemptMin < def.WriteWait,
		"what is read together fits into the lines":              togetherMax <= lookupQueueMax,
		"what is read together is less than an answer may have":  togetherNumbersMax <= walkNumbersMin && togetherShare > 1,
		"what waits too long is looked for more often than that": 2*expireEvery <= attemptMin,
	} {
		if !holds {
			t.Errorf("not true any more: %s", what)
		}
	}
	var vain time.Duration
	for n := 1; n < vainReadsMax; n++ {
		vain += min(repairGrace<<n, repairRetry)
	}
	if vain < 8*time.Second {
		t.Errorf("batches from nowhere are dropped after %v; the comment says over 8 s", vain)
	}
}
