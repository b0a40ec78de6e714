package verify

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// book is the ledger, written by all members, and copied to a file if wanted.
// Safe for concurrent use.
type book struct {
	mu     sync.Mutex
	ledger *ledger.Ledger     // nil: the account is drawn up in the end, out of the copy
	copy   io.ReadWriteSeeker // nil: the account is drawn up as it goes
	known  []ledger.Record    // what the account must know first, then
	counts counts
	bases  map[int]int64     // where each room stood before the run
	cutAt  time.Time         // when an attempt was last cut
	names  map[string]string // of ops whose client_id is another one
	buf    *bufio.Writer     // nil: not copied
	lines  *json.Encoder
	err    error // the first of writing the copy
}

// counts are for the line of progress.
type counts struct {
	sent, acked, refused, cut, told, joins int64
}

func newBook(cfg *Config) *book {
	b := &book{bases: map[int]int64{}, names: map[string]string{}}
	if cfg.Losses != nil {
		b.copy = cfg.Events.(io.ReadWriteSeeker) // complete has checked it
	} else {
		b.ledger = ledger.New()
	}
	if cfg.Events != nil {
		b.buf = bufio.NewWriterSize(cfg.Events, 1<<16)
		b.lines = json.NewEncoder(b.buf)
	}
	return b
}

// note adds a record.
func (b *book) note(r ledger.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(&r)
	b.write(r)
}

// noteAside adds a record about something that goes on also when all is settled.
func (b *book) noteAside(r ledger.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write(r)
}

func (b *book) count(r *ledger.Record) {
	switch r.Kind {
	case ledger.Begin:
		b.bases[r.Room] = r.Seq
	case ledger.Send, ledger.Edit, ledger.Delete, ledger.Pin, ledger.React, ledger.Mark:
		b.counts.sent++
	case ledger.Acked, ledger.Granted:
		b.counts.acked++
	case ledger.Refused:
		b.counts.refused++
	case ledger.Cut:
		b.counts.cut++
		b.cutAt = time.Now()
	case ledger.Told:
		b.counts.told++
	case ledger.Joined:
		b.counts.joins++
	}
}

// call gives an op a name whose client_id is another one, before anybody can have seen that.
func (b *book) call(clientID, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names[clientID] = name
}

func (b *book) write(r ledger.Record) {
	if name, named := b.names[r.Op]; named {
		r.Op = name
	}
	if b.lines != nil && b.err == nil {
		r.At = time.Now()
		b.err = b.lines.Encode(&r)
	}
	if b.ledger != nil {
		b.ledger.Apply(&r)
	} else if r.Kind.OfFailOvers() {
		b.known = append(b.known, r)
	}
}

// summarized reports whether each message says how many reactions and replies it has, and
// where it is unsure whether what was stored of attempts that were cut has been told, too.
func (b *book) summarized(unsure bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger == nil || b.ledger.Summarized() && (!unsure || !b.ledger.Unsure() || time.Since(b.cutAt) > sweptWithin)
}

func (b *book) read() counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// base is where a room stood before the run.
func (b *book) base(room int) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bases[room]
}

// close draws up the account. Nothing may be noted after it.
func (b *book) close() (*ledger.Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf != nil && b.err == nil {
		b.err = b.buf.Flush()
	}
	if b.err != nil {
		return nil, fmt.Errorf("events: %w", b.err)
	}
	if b.ledger == nil {
		return b.drawUp()
	}
	return b.ledger.Check(), nil
}

// drawUp draws up the account out of the copy, when all is known that fail-overs lost.
func (b *book) drawUp() (*ledger.Report, error) {
	histories := ledger.NewHistories()
	for i := range b.known {
		histories.Learn(&b.known[i])
	}
	if _, err := b.copy.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	for lines := json.NewDecoder(bufio.NewReaderSize(b.copy, 1<<20)); ; {
		r := new(ledger.Record)
		if err := lines.Decode(r); errors.Is(err, io.EOF) {
			return histories.Check(), nil
		} else if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		histories.Apply(r)
	}
}
