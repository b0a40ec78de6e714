package metrics

import (
	"maps"
	"strconv"

	"github.com/caravan-chat/caravan/protocol"
)

// What has not happened yet is told as 0, so that rate() sees the first time: of a series that
// begins with its first event Prometheus knows no increase.

// closeCodes are the codes that a WebSocket may end with: those of protocol, and 1001, 1005 and
// 1006, which clients and networks make.
var closeCodes = []uint16{
	1001, 1005, 1006, uint16(protocol.CloseNormal), uint16(protocol.CloseProtocolError), uint16(protocol.CloseUnsupported),
	uint16(protocol.CloseInvalidUTF8), uint16(protocol.CloseTooBig), uint16(protocol.CloseInternal), uint16(protocol.CloseRestart),
	uint16(protocol.CloseTryLater), uint16(protocol.CloseUnauthorized), uint16(protocol.CloseForbidden), uint16(protocol.CloseSlowConsumer),
}

// leftCodes are those that end a room on a user's WebSocket.
var leftCodes = []protocol.CloseCode{protocol.CloseForbidden, protocol.CloseRestart, protocol.CloseTryLater, protocol.CloseInternal}

// refusedCodes are those that what is asked for is refused with by the rooms.
var refusedCodes = []protocol.Code{
	protocol.CodeUnavailable, protocol.CodeUnknownOutcome, protocol.CodeInternal, protocol.CodeQuota, protocol.CodeForbidden, protocol.CodeNotAllowed,
	protocol.CodeNotFound, protocol.CodeInvalidReply, protocol.CodeInvalidContent, protocol.CodeInvalidMention, protocol.CodeInvalidData,
	protocol.CodeTooManyPins, protocol.CodeTooManyReactions,
}

// failures are the statuses that somebody is woken by.
var failures = []int{500, 503}

// withZeros returns the counts and, where one of some keys has none, 0.
func withZeros[K comparable, V int64 | uint64](counts map[K]V, keys []K) map[K]V {
	all := make(map[K]V, len(counts)+len(keys))
	for _, k := range keys {
		all[k] = 0
	}
	maps.Copy(all, counts)
	return all
}

// expect has the failures of each route told before they happen.
func (m *Metrics) expect(routes []string) {
	for _, route := range routes {
		for _, status := range failures {
			m.requests.WithLabelValues(route, strconv.Itoa(status))
		}
	}
}
