package memory

import (
	"runtime/metrics"
	"time"
)

// When what is not needed is given back to the kernel. Go's collector waits until as much
// again has been made as is alive, which after a storm of clients may be never.
const (
	calmEvery     = 2 * time.Second
	calmMadeShare = 2       // percent of what is alive that may be made meanwhile
	calmMadeBytes = 8 << 20 // or so many bytes, where that is at most the next part of what is won
	calmWonPart   = 3       // metrics that are asked for each second make a megabyte in calmEvery
	spareShare    = 25      // percent of what is alive that must be won
	spareBytesMin = 4 << 20 // and so much at least

	// After a storm less has to be won, and more may be made meanwhile: nothing else has what the
	// storm left given back soon. It is done once for a storm, and the more seldom the more is alive.
	stormShare    = 25      // percent of what is alive that a storm makes
	stormBytesMin = 8 << 20 // and so much at least
	stormMadeMax  = 2 << 20 // bytes that may be made in calmEvery after it, where that is more than calmMadeShare
	leftShare     = 4       // percent of what is alive that must be won then
	leftBytesMin  = 1 << 20 // and so much at least
	restBytes     = 4 << 20 // of what is alive: one look more until the next time
)

// calm decides when a collection costs nobody anything, and wins something. To get as much
// garbage again takes so long in calm times that collections stay rare.
type calm struct {
	made  uint64 // bytes so far, as of the last look
	storm int64  // bytes that were made in looks that were not calm, since it was time last
	rest  int64  // looks until it may be time because of a storm
}

// held is what the heap holds, in bytes.
type held struct {
	made         uint64 // so far
	alive, spare int64  // as of the last collection; garbage, and what is free and not given back
}

// due says what a look has found.
type due uint8

const (
	notDue     due = iota
	dueCalm        // it is time: much is won
	dueStormed     // it is time: a storm is over, of which pools may keep something, too
)

// look is called each calmEvery. It returns whether it is time.
func (c *calm) look(h held) due {
	made := int64(h.made - c.made)
	c.made = h.made
	c.rest = max(0, c.rest-1)
	little := h.alive / 100 * calmMadeShare
	calm := made < max(little, stormMadeMax)
	if !calm {
		c.storm += made
	}
	switch {
	case calm && c.rest == 0 && c.storm >= max(h.alive/100*stormShare, stormBytesMin) && h.spare > max(h.alive/100*leftShare, leftBytesMin):
		c.storm, c.rest = 0, h.alive/restBytes
		return dueStormed
	case made < max(little, min(h.spare/calmWonPart, calmMadeBytes)) && h.spare > max(h.alive/100*spareShare, spareBytesMin):
		c.storm = 0
		return dueCalm
	}
	return notDue
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
