package bench

import (
	"context"
	"fmt"

	"github.com/caravan-chat/caravan/bench/scrape"
)

// MemoryPart says when the server's memory was read, and whether its garbage was in it. Two harnesses
// that wait for different times see different memory, and both are right.
type MemoryPart struct {
	SettledS float64 `json:"settled_s"` // from the last connect to the first reading, of rss_per_connection_bytes
	HeldS    float64 `json:"held_s"`    // likewise to the last one, of held_rss_per_connection_bytes
	HeapTold bool    `json:"heap_told"` // the server is a Go program that tells about its heap on its admin port

	CollectionsBefore int64 `json:"collections_before"` // of the heap, from the first connect to the first reading
	CollectionsHeld   int64 `json:"collections_held"`   // from the first reading to the last one

	// LivePerConnection is the heap's growth by what lives: the harness has the server collect its
	// garbage before the first connection, and again after all is measured.
	LivePerConnection float64 `json:"live_per_connection_bytes"`
}

// heaps are what the servers' runtimes told, at the moments that a MemoryPart needs.
type heaps struct {
	start, joined, to, live scrape.Heap
	told                    bool
}

// heap asks all nodes; one that does not answer makes the whole untold.
func (o *observer) heap(collect bool) (sum scrape.Heap) {
	for _, n := range o.run.cfg.nodes() {
		if n.Admin == "" || !o.heaps.told {
			o.heaps.told = false
			return scrape.Heap{}
		}
		h, err := scrape.ReadHeap(context.Background(), n.Admin, collect)
		o.heaps.told = err == nil
		sum = sum.Plus(h)
	}
	return sum
}

// drained reads what lives, while all connections are still there.
func (o *observer) drained() { o.heaps.live = o.heap(true) }

func (o *observer) memory(connected int64) MemoryPart {
	last := int64(o.run.connectTook)
	m := MemoryPart{SettledS: float64(o.joined.run-last) / 1e9, HeldS: float64(o.to.run-last) / 1e9, HeapTold: o.heaps.told}
	if m.HeapTold {
		h := &o.heaps
		m.CollectionsBefore, m.CollectionsHeld = h.joined.Collections-h.start.Collections, h.to.Collections-h.joined.Collections
		m.LivePerConnection = ratio(float64(h.live.AllocBytes-h.start.AllocBytes), float64(connected))
	}
	return m
}

// Show says it in words.
func (m *MemoryPart) Show() string {
	text := fmt.Sprintf("read %.1f s after the last connect, and %.1f s after it at the end", m.SettledS, m.HeldS)
	if !m.HeapTold {
		return text + "; whether the heap was collected is not told: see --admin"
	}
	return text + fmt.Sprintf("; the heap was collected %d times before the first reading and %d times between the two; of it %.0f B a connection live",
		m.CollectionsBefore, m.CollectionsHeld, m.LivePerConnection)
}
