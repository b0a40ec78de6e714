package rest

import (
	"log/slog"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/attachment"
	"github.com/caravan-chat/caravan/room/trace"
	"github.com/caravan-chat/caravan/room/unsent"
	"github.com/caravan-chat/caravan/room/visit"
)

// Limits bound what the server holds at once. Every number must be positive.
type Limits struct {
	Connections int // connections, idle ones included
	Requests    int // requests under way, long polls apart
	LongPolls   int // long polls that wait; less than Connections
	// Of one user, out of the two above.
	RequestsPerUser, LongPollsPerUser int
	BodyBytes                         int // a request's body
	BodiesBytes                       int // of all bodies together, or four of the largest; over it 503
	AnswerBytes                       int // an answer to a read, as it is counted before it is there
}

// The parts of Limits that do not depend on flags, for a server that may open
// that many files.
const (
	connectionsMax = 4096
	requestsMax    = 512
	userShare      = 16 // so many users can take all places, not one of them
	userLeast      = 8  // even so a user has these
	downloadShare  = 2  // one of so many connections sends a file, at most

	bodiesBytesDefault = 64 << 20
)

// DefaultLimits divides a number of connections; at most 4,096 are used.
func DefaultLimits(connections int) Limits {
	connections = max(2, min(connections, connectionsMax))
	requests, longPolls := min(connections, requestsMax), max(1, connections*3/4)
	return Limits{
		Connections:      connections,
		Requests:         requests,
		LongPolls:        longPolls,
		RequestsPerUser:  max(requests/userShare, min(requests, userLeast)),
		LongPollsPerUser: max(longPolls/userShare, min(longPolls, userLeast)),
		BodiesBytes:      bodiesBytesDefault,
	}
}

// Config is what a Server is made of.
type Config struct {
	Chat   Chat
	Limits Limits
	// Allowances are what each user may ask for, over this transport and others
	// together. Nil: there is no limit.
	Allowances *allowance.Table
	Unsent     *unsent.Limit // of what is made for clients and not sent yet; nil: none
	// AllowOrigin says whether a page of that Origin may call a server that it
	// knows by that Host. Nil: none may.
	AllowOrigin func(origin, host string) bool
	// AllowHost says whether requests with that Host are answered at all. Nil: all are.
	AllowHost func(host string) bool
	// Files keeps attachments. Nil: there are none.
	Files *attachment.Service
	// Page answers requests that are neither REST nor WebSocket and returns true,
	// or leaves ctx alone and returns false. Nil: there are no pages.
	Page func(ctx *fasthttp.RequestCtx) bool
	// Upgrade takes connections on which, after plain requests, a WebSocket is asked
	// for: c as it was handed in, and what was read from it and not answered, from
	// the first byte of that request on. It owns c until it returns; then c is
	// closed. Nil: such requests are answered like any other.
	Upgrade   func(c net.Conn, read []byte)
	Proxies   *visit.Proxies   // whose word on a client's address is believed; nil: nobody's
	Addresses *visit.Addresses // what clients of one address may do; nil: anything
	Visits    *visit.Log       // who was turned away, and all calls; nil: nobody is told
	Observer  Observer         // nil: nobody
	Tracer    *trace.Tracer    // of calls; nil: nothing is recorded
	Log       *slog.Logger     // nil: slog.Default()
}

// Observer is told of each answer. It is called from the goroutines of the
// connections and must be safe for concurrent use. Route is one of a few fixed
// names.
type Observer interface {
	Answered(route string, status int, took time.Duration)
}

// Limits in time and size that no flag changes. A request may take longer than
// the longest that the store needs to find out what became of a commit, so that
// the answer is the truth wherever it can be had.
const (
	bodyBytesFirst  = 512              // of a body's memory, which then doubles
	chunkLineBytes  = 256              // of the line before a chunk, or after it
	chunkLinesBytes = 4 << 10          // of all such lines of a body, beside twice its content
	readTimeout     = 20 * time.Second // from the first byte of a request to its last
	writeTimeout    = 30 * time.Second // for an answer
	idleTimeout     = 75 * time.Second // between requests
	requestTimeout  = 45 * time.Second // from a request that writes to its answer
	lookTimeout     = 10 * time.Second // from one that reads to its answer, long polls apart; and for what a write or a long poll looks up
	uploadGrace     = 20 * time.Second // what an upload may take beside its bytes, and for which nothing may come
	uploadRateMin   = 4 << 10          // bytes a second that an upload must have, on the average of such a time
	uploadReadBytes = 32 << 10         // that are read of it at once
	sendBytes       = 256 << 10        // of a file that are sent at once, within writeTimeout
	waitMax         = 60 * time.Second // ?wait
	hungUpWait      = time.Second      // until a read is given up whose client sends no more: perhaps it still listens
	limitedWait     = time.Second      // until a caller of whom too many reads wait may ask again
	lastAnswersTime = time.Second      // what the requests that a drain cuts short have for their answers
	lingerTimeout   = 5 * time.Second  // for the rest of a body that is not wanted
	lingerBytesMax  = 16 << 20
	untakenMin      = time.Second // for which an answer is not taken before it is cut to save memory
	shedBytesMin    = 4 << 10     // the least that a connection keeps which is closed for it

	retryAfter          = 2 * time.Second // of a 503
	retryAfterSeconds   = "2"             // the same, as a header has it
	preflightAgeSeconds = "600"           // how long a browser may remember a preflight
)
