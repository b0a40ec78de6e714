package media

import (
	"bytes"
	"io"
	"math"
)

// op is what becomes of the input.
type op int

const (
	opCopy   op = iota // it goes out as it is
	opSkip             // it is cut
	opBlank            // zeros go out
	opGather           // it is held, until the cleaner emits it
	opScan             // it goes out up to the next marker of a JPEG
	opDrain            // it is cut, to the end of the source
)

// toTheEnd is longer than any file.
const toTheEnd = math.MaxInt64

// task is what becomes of the next left bytes of the input.
type task struct {
	op   op
	left int64
	open bool // the file may end before
}

func (f *Filter) do(op op, n int64, open bool) { f.tasks = append(f.tasks, task{op, n, open}) }

// copy lets the next n bytes through.
func (f *Filter) copy(n int64) { f.do(opCopy, n, false) }

// part is one of a box, from a byte on up to another one.
type part struct{ from, to int64 }

// copyBut lets the next n bytes through, a box of which zeros go out for some parts, the first one
// first. What they hold where they are not zeros is metadata.
func (f *Filter) copyBut(n int64, parts ...part) error {
	at := int64(0)
	for _, p := range parts {
		p.from, p.to = min(p.from, n), min(p.to, n)
		seen, err := f.peek(int(min(p.to, bufferBytes)))
		if err != nil {
			return err
		}
		if p.to > bufferBytes || len(bytes.Trim(seen[min(p.from, int64(len(seen))):], "\x00")) > 0 {
			f.found()
		}
		f.copy(p.from - at)
		f.blank(p.to - p.from)
		at = p.to
	}
	f.copy(n - at)
	return nil
}

// copyRest lets all through that comes.
func (f *Filter) copyRest() { f.do(opCopy, toTheEnd, true) }

// skip cuts the next n bytes, which say nothing of anybody.
func (f *Filter) skip(n int64) { f.do(opSkip, n, false) }

// cut cuts the next n bytes, which are metadata.
func (f *Filter) cut(n int64) {
	f.found()
	f.skip(n)
}

// blank gives out zeros for the next n bytes.
func (f *Filter) blank(n int64) { f.do(opBlank, n, false) }

// gather holds the next n bytes in f.held, which emitHeld gives out.
func (f *Filter) gather(n int64) {
	f.held = make([]byte, 0, n)
	f.do(opGather, n, false)
}

// scan lets entropy-coded data of a JPEG through, up to the next marker. Where the file ends
// in it, the picture is incomplete, and that is all.
func (f *Filter) scan() { f.do(opScan, toTheEnd, true) }

// drain cuts all that comes: the file's format is over.
func (f *Filter) drain() { f.do(opDrain, toTheEnd, true) }

// drainAfter cuts all that comes after the last n bytes, which the cleaner has emitted.
func (f *Filter) drainAfter(n int64) {
	f.skip(n)
	f.drain()
}

// size notes the size of the image, as the first header tells it.
func (f *Filter) size(width, height int) {
	if f.result.Width == 0 {
		f.result.Width, f.result.Height = width, height
	}
}

// emit gives bytes out before what comes next.
func (f *Filter) emit(b ...byte) {
	if !f.keep {
		f.out = append(f.out, b...)
	}
}

// emitHeld gives out what was gathered, as the cleaner has changed it.
func (f *Filter) emitHeld() {
	if !f.keep {
		f.out = f.held
	}
	f.held = nil
}

// found says that the file has metadata, which is cut.
func (f *Filter) found() {
	if f.result.Metadata == None {
		f.result.Metadata = Cut
	}
}

// work does a part of the task, and returns how much of p it has filled.
func (f *Filter) work(p []byte, t *task) (int, error) {
	if f.from == f.to && t.op == opCopy && f.sourceErr == nil && len(p) >= bufferBytes/2 {
		if n, err := f.source.Read(p[:min(int64(len(p)), t.left)]); n > 0 || err != nil { // past the buffer
			t.left -= int64(n)
			f.sourceErr = err
			return n, nil
		}
	}
	input, err := f.peek(1)
	if err != nil {
		return 0, err
	}
	if len(input) == 0 {
		if t.open {
			return 0, io.EOF
		}
		return 0, ErrBroken
	}
	input = f.buffer[f.from:f.to]
	if int64(len(input)) > t.left {
		input = input[:t.left]
	}
	if t.op == opScan {
		if input, err = f.beforeMarker(input); err != nil || len(input) == 0 {
			t.left = 0
			return 0, err
		}
	}
	n, used := f.apply(t.op, p, input)
	f.from += used
	t.left -= int64(used)
	return n, nil
}

// apply does what is to be done with the input, and returns how much of p it has filled,
// and how much of the input is used.
func (f *Filter) apply(op op, p, input []byte) (n, used int) {
	if f.keep || op == opCopy || op == opScan || op == opBlank {
		n = copy(p, input)
		input = input[:n]
	}
	switch op {
	case opGather:
		f.held = append(f.held, input...)
	case opDrain:
		f.result.Trailing += int64(len(input))
	case opBlank:
		if !f.keep {
			clear(p[:n])
		}
	}
	return n, len(input)
}

// beforeMarker returns the part of the input that is before a marker: none where it begins
// with one. 0xFF is followed by 0 where it is data, and by 0xD0 to 0xD7 where decoders can
// begin anew.
func (f *Filter) beforeMarker(input []byte) ([]byte, error) {
	for i := 0; ; i += 2 {
		next := indexFF(input[i:])
		if next < 0 {
			return input, nil
		}
		i += next
		if i+1 < len(input) {
			if c := input[i+1]; c == 0 || c >= 0xD0 && c <= 0xD7 {
				continue
			}
			return input[:i], nil
		}
		if i > 0 {
			return input[:i], nil // the next look sees what follows
		}
		both, err := f.peek(2)
		if err != nil || len(both) < 2 {
			return both, err
		}
		if input = both; input[1] == 0xFF || input[1] != 0 && (input[1] < 0xD0 || input[1] > 0xD7) {
			return nil, nil
		}
		return input, nil
	}
}
