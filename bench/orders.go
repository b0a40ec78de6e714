package bench

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/caravan-chat/caravan/bench/proc"
)

// What a coordinator asks of an agent, in this order; doLook at any time after doBegin.
const (
	doPrepare = "prepare"
	doBegin   = "begin"
	doLook    = "look"
	doFill    = "fill"
	doPlan    = "plan"
	doHalt    = "halt"
	doFinish  = "finish"
)

// order is one thing that a coordinator asks for.
type order struct {
	Do      string        `json:"do"`
	Prepare *assignment   `json:"prepare,omitempty"`
	Ago     time.Duration `json:"ago_ns,omitempty"` // with doBegin: since the run began, by the coordinator's clock
	Plan    *planned      `json:"plan,omitempty"`
}

// assignment is an agent's part of a run. Agents take one of their own version only, so that both
// sides mean the same.
type assignment struct {
	Version string  `json:"version"`
	Config  Config  `json:"config"`
	Share   share   `json:"share"`
	Run     uint32  `json:"run"`
	Key     [4]byte `json:"key"`
}

// planned is a plan in ns from when it is told, as clocks of others begin elsewhere.
type planned struct {
	Start   int64 `json:"start"`
	Measure int64 `json:"measure"`
	End     int64 `json:"end"`
}

// fromNow says a plan as it is told.
func (r *run) fromNow(p *plan) *planned {
	now := r.now()
	return &planned{Start: p.start - now, Measure: p.measureFrom - now, End: p.end - now}
}

// follow takes a plan that is told. What it says again stays as it was.
func (r *run) follow(p *planned) {
	now := r.now()
	next := &plan{start: now + p.Start, measureFrom: now + p.Measure, end: now + p.End}
	if pl := r.plan.Load(); pl != nil {
		next.start, next.measureFrom = pl.start, pl.measureFrom
	}
	r.plan.Store(next)
}

// answer is what an agent says to an order. The part that the order asks for is there.
type answer struct {
	Error string    `json:"error,omitempty"` // the run is over for it, and why
	Ready *ready    `json:"ready,omitempty"`
	Told  *told     `json:"told,omitempty"`
	Found *foundAll `json:"found,omitempty"`
}

// ready says who an agent is.
type ready struct {
	Machine     proc.Facts `json:"machine"`
	Boot        string     `json:"boot"` // of its machine: which processes share one
	PID         int        `json:"pid"`
	Connections int        `json:"connections"`
	Files       int64      `json:"file_limit"`
}

// told is what an agent has seen and spent at a moment.
type told struct {
	Counts  []int64       `json:"counts"` // of a reading
	Halted  bool          `json:"halted"`
	Slept   []int64       `json:"slept_ns"`
	CPU     time.Duration `json:"cpu_ns"`
	Machine proc.Times    `json:"machine"`
	Recent  []binned      `json:"recent"`
}

// binned is one kind of time in one second: bins that are not empty, as their place and their count
// by turns.
type binned struct {
	At   int      `json:"at"`
	Of   timeOf   `json:"of"`
	Max  int64    `json:"max"`
	Bins []uint32 `json:"bins"`
}

// foundAll is a yield as it is told.
type foundAll struct {
	Sums        []int64          `json:"sums"`
	FirstReturn int64            `json:"first_return"`
	LastReturn  int64            `json:"last_return"`
	Errors      map[string]int64 `json:"errors"`
	Closes      map[int]int64    `json:"closes"`
	Histograms  [][]byte         `json:"histograms"` // HdrHistogram V2, compressed
	Times       []binned         `json:"times"`
	Ends        [][4]int64       `json:"ends"` // of each room with members: the room, last, sum, members
}

// errNonsense is an answer that no agent of this version gives.
var errNonsense = errors.New("an answer that makes no sense")

// binnedOf tells the times of one second.
func binnedOf(at int, s *slot) (all []binned) {
	for of := range s {
		b := &s[of]
		if b.n == 0 {
			continue
		}
		one := binned{At: at, Of: timeOf(of), Max: b.max}
		for i, n := range b.counts {
			if n > 0 {
				one.Bins = append(one.Bins, uint32(i), n)
			}
		}
		all = append(all, one)
	}
	return all
}

// addTo adds what was told to bins.
func (b *binned) addTo(s *slot) error {
	if b.Of >= timesOf || len(b.Bins)%2 != 0 || b.Max < 0 {
		return errNonsense
	}
	into := &s[b.Of]
	for i := 0; i < len(b.Bins); i += 2 {
		if b.Bins[i] >= binsCount {
			return errNonsense
		}
		into.counts[b.Bins[i]] += b.Bins[i+1]
		into.n += int64(b.Bins[i+1])
	}
	into.max = max(into.max, b.Max)
	return nil
}

// tell says what was found.
func (y *yield) tell() (*foundAll, error) {
	f := &foundAll{FirstReturn: y.tally.firstReturn, LastReturn: y.tally.lastReturn, Errors: y.tally.errors, Closes: y.tally.closes}
	for _, sum := range y.tally.sums() {
		f.Sums = append(f.Sums, *sum)
	}
	for _, h := range y.tally.histograms() {
		encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return nil, fmt.Errorf("histogram: %w", err)
		}
		f.Histograms = append(f.Histograms, encoded)
	}
	for at, s := range y.tally.times.slots {
		if s != nil {
			f.Times = append(f.Times, binnedOf(at, s)...)
		}
	}
	for room, e := range y.ends {
		if e != (roomEnd{}) {
			f.Ends = append(f.Ends, [4]int64{int64(room), e.last, e.sum, e.members})
		}
	}
	return f, nil
}

// understand reads what an agent found into an empty yield.
func (f *foundAll) understand(y *yield) error {
	sums := y.tally.sums()
	if len(f.Sums) != len(sums) || len(f.Histograms) != len(y.tally.histograms()) {
		return errNonsense
	}
	for i, n := range f.Sums {
		*sums[i] = n
	}
	for i, h := range y.tally.histograms() {
		decoded, err := hdrhistogram.Decode(f.Histograms[i])
		if err != nil {
			return fmt.Errorf("histogram: %w", err)
		}
		if h.Merge(decoded) != 0 {
			return errNonsense
		}
	}
	y.tally.firstReturn, y.tally.lastReturn = f.FirstReturn, f.LastReturn
	maps.Copy(y.tally.errors, f.Errors)
	maps.Copy(y.tally.closes, f.Closes)
	for i := range f.Times {
		b := &f.Times[i]
		if b.At < 0 || b.At >= slotsMax {
			return errNonsense
		}
		if err := b.addTo(y.tally.times.slot(b.At)); err != nil {
			return err
		}
	}
	for _, e := range f.Ends {
		if e[0] < 0 || e[0] >= int64(len(y.ends)) {
			return errNonsense
		}
		y.ends[e[0]].add(roomEnd{last: e[1], sum: e[2], members: e[3]})
	}
	return nil
}
