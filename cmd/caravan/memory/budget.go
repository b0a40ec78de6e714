package memory

// Budget is how many bytes each part of a server may keep, all clients together. What
// clients do not read of live events is not in it: near the limit it is shed.
type Budget struct {
	Unsent      int64 // answers that are made and not sent yet
	Handshakes  int64 // requests that have not come whole
	Begun       int64 // messages over WebSockets that have not come whole, or whose senders are paused
	Bodies      int64 // bodies of REST calls
	REST        int64 // connections of REST
	Lanes       int64 // messages that wait to be stored
	Tails       int64 // recent messages, as JSON
	Parked      int64 // events of other nodes that came too early
	Looks       int64 // histories that are being read
	Entering    int64 // tokens that wait to be judged
	Notices     int64 // what waits for Redis
	SQLiteCache int64 // pages of the database, all connections together
}

// tailCopies is how often a recent message is in memory: as JSON, in the history that is
// made of it, and in that as it is sent, plain and compressed.
const tailCopies = 4

// The most of each that is of use.
const (
	handshakesMax  = 64 << 20
	bodiesMax      = 64 << 20
	restMax        = 128 << 20
	lanesMax       = 192 << 20
	tailsMax       = 64 << 20
	parkedMax      = 64 << 20
	looksMax       = 128 << 20
	enteringMax    = 128 << 20
	noticesMax     = 128 << 20
	sqliteCacheMax = 128 << 20
)

// Divide returns the parts of a limit. Together they take four fifths of it. The rest
// is for what an idle server takes, for garbage, and for what clients do not read.
func Divide(limit int64) Budget {
	const quarter, sixteenth, part = 4, 16, 32
	return Budget{
		Unsent:      limit / quarter,
		Begun:       limit / sixteenth,
		REST:        min(limit/sixteenth, restMax),
		Lanes:       min(limit/sixteenth, lanesMax),
		Looks:       min(limit/sixteenth, looksMax),
		SQLiteCache: min(limit/sixteenth, sqliteCacheMax),
		Tails:       min(limit/sixteenth/tailCopies, tailsMax),
		Handshakes:  min(limit/part, handshakesMax),
		Bodies:      min(limit/part, bodiesMax),
		Parked:      min(limit/part, parkedMax),
		Entering:    min(limit/part, enteringMax),
		Notices:     min(limit/part, noticesMax),
	}
}

// All is about how much memory the parts take together.
func (b *Budget) All() int64 {
	return b.Unsent + b.Handshakes + b.Begun + b.Bodies + b.REST + b.Lanes + tailCopies*b.Tails + b.Parked +
		b.Looks + b.Entering + b.Notices + b.SQLiteCache
}
