package memory

import (
	"runtime/metrics"
	"time"
)

// When what is not needed is given back to the kernel. Go's collector waits until as much
// again has been made as is alive, which after a storm of clients may be never.
const (
	calmEvery     = 3 * time.Second
	calmMadeShare = 2       // percent of what is alive that may be made meanwhile
	calmMadeBytes = 8 << 20 // or so many bytes, where that is at most the next part of what is won
	calmWonPart   = 3       // metrics that are asked for each second make a megabyte in calmEvery
	spareShare    = 25      // percent of what is alive that must be won
	spareBytesMin = 4 << 20 // and so much at least
)

// calm decides when a collection costs nobody anything, and wins something. To get as much
// garbage again takes so long in calm times that collections stay rare.
type calm struct {
	made uint64 // bytes so far, as of the last look
}

// held is what the heap holds, in bytes.
type held struct {
	made         uint64 // so far
	alive, spare int64  // as of the last collection; garbage, and what is free and not given back
}

// look is called each calmEvery. It returns whether it is time.
func (c *calm) look(h held) bool {
	made := int64(h.made - c.made)
	c.made = h.made
	return made < max(h.alive/100*calmMadeShare, min(h.spare/calmWonPart, calmMadeBytes)) && h.spare > max(h.alive/100*spareShare, spareBytesMin)
}

// lookAtHeap takes what the heap holds.
func lookAtHeap() held {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	of := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return held{made: samples[0].Value.Uint64(), alive: of(1), spare: max(0, of(2)-of(1)) + of(3)}
}
