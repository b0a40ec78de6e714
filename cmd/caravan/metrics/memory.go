package metrics

import (
	"github.com/caravan-chat/caravan/cmd/caravan/memory"
	"github.com/caravan-chat/caravan/room/unsent"
)

// What is read of memory, and of what waits in it for clients.
var (
	unsentBytes   = gauge("unsent_bytes", "Bytes of histories, pages and other answers that are made and not sent yet.")
	unsentMost    = gauge("unsent_bytes_max", "How many they may be: --unsent-bytes.")
	unsentRefused = counter("unsent_refusals", "Reads and new clients that were refused because too much was unsent, or memory was short.")
	memoryBytes   = gauge("memory_bytes", "Memory in use, as it was last looked at.")
	memoryMost    = gauge("memory_bytes_max", "How much the process may use.")
	memoryShort   = gauge("memory_short", "1 while new clients and reads are refused because memory is short.")
	memorySheds   = counter("memory_sheds", "Times when the slowest clients were closed because memory was short.")
)

func (s sink) memory(n memory.Stats, u unsent.Stats) {
	s.number(unsentBytes, float64(u.BytesNow))
	s.number(unsentMost, float64(u.BytesMax))
	s.number(unsentRefused, float64(u.Refused))
	s.number(memoryBytes, float64(n.BytesNow))
	s.number(memoryMost, float64(n.BytesMax))
	s.number(memoryShort, one(n.ShortNow))
	s.number(memorySheds, float64(n.Sheds))
}
