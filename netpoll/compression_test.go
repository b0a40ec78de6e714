package netpoll

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// event is a text as a chat sends it: JSON with ids, names and times around what
// somebody wrote, size bytes in all.
func event(random *rand.Rand, size int) []byte {
	id := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", random.Uint32(), random.Uint32()&0xFFFF, random.Uint32()&0xFFFF, random.Uint32()&0xFFFF, random.Uint64()&0xFFFFFFFFFFFF)
	}
	n := random.IntN(10_000)
	head := fmt.Sprintf(`{"type":"chat_message","message":{"id":"%s","chat_room_id":"%s","sender":{"id":"%s","email":"user%d@example.com",`+
		`"username":"user%d","full_name":"User %d"},"content":"`, id(), id(), id(), n, n, n)
	tail := fmt.Sprintf(`","message_type":"text","reply_to":null,"is_edited":false,"created_at":"2026-03-01T12:%02d:%02d.%06dZ",`+
		`"updated_at":"2026-03-01T12:00:00.000000Z","seq":%d,"rev":%d},"seq":%d}`, n%60, n%60, n, n, n, n)
	words := strings.Fields("we meet at the station north exit in about ten minutes please bring tickets and water because " +
		"lunch is late today who has the map of old town thanks see you there I am on bus line seven now")
	var content strings.Builder
	for content.Len() < size-len(head)-len(tail) {
		content.WriteString(words[random.IntN(len(words))])
		content.WriteByte(' ')
	}
	return []byte(head + content.String()[:max(0, size-len(head)-len(tail))] + tail)
}

// BenchmarkCompression sends events to 1,000 real connections with and without
// permessage-deflate, and tells the loop's CPU time for one delivery, the
// deflating and the kernel's work included, and the bytes on the wire.
func BenchmarkCompression(b *testing.B) {
	const members = 1000
	for _, size := range []int{500, 750, 1000} {
		for _, deflated := range []bool{false, true} {
			request := plainRequest
			if deflated {
				request = deflateRequest
			}
			b.Run(fmt.Sprintf("bytes=%d/deflate=%t", size, deflated), func(b *testing.B) {
				var room Topic
				s := start(b, Config{Loops: 1, Compression: true, OutboxBytesMax: 64 << 20, Handler: funcs{open: func(c *Conn) { room.Add(c) }}})
				drainAll(b, rawClientsWith(b, s, members, request))
				l := s.loops[0]
				random := rand.New(rand.NewPCG(1, 2))
				var inLoop time.Duration
				bytes := s.Stats().BytesOut
				for b.Loop() {
					p := NewPayload(event(random, size))
					onLoop(b, l, func() {
						runtime.LockOSThread()
						defer runtime.UnlockOSThread()
						began := threadTime(b)
						room.Send(p)
						l.flush()
						inLoop += threadTime(b) - began
					})
				}
				onLoop(b, l, func() {})
				deliveries := float64(b.N * members)
				b.ReportMetric(float64(inLoop.Nanoseconds())/deliveries, "CPU-ns/delivery")
				b.ReportMetric(float64(s.Stats().BytesOut-bytes)/deliveries, "wire-B/delivery")
			})
		}
	}
}
