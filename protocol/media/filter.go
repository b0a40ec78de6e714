package media

import (
	"errors"
	"io"
	"slices"
)

// What a file can be refused for. Neither is found in what the source's own errors are.
var (
	// ErrBroken is a file that ends too early, or is not built as its first bytes say.
	ErrBroken = errors.New("the file is not what its first bytes say")
	// ErrUnclean is an image whose metadata cannot be cut.
	ErrUnclean = errors.New("metadata cannot be cut from such a file")
)

// bufferBytes is the memory of a Filter. A part of a file that must be seen whole may be as
// long, and no longer.
const bufferBytes = 32 << 10

// Options say what a Filter does.
type Options struct {
	// KeepMetadata lets every byte through. The file is looked at all the same.
	KeepMetadata bool
}

// Metadata is what became of what a file tells beside its content.
type Metadata int

// In the order of what somebody may want to know.
const (
	None Metadata = iota // there was none that this package knows
	Cut                  // all of it is gone
	Left                 // there is, or may be, some: the format is not cleaned, or not all of it can be
)

// String returns a word for a log line.
func (m Metadata) String() string { return [...]string{"none", "cut", "left"}[m] }

// Result is what a Filter knows once the file is over.
type Result struct {
	Type Type

	// Width and Height are those of an image as its header has them, in pixels; 0 where it
	// does not say. Orientation is how it must be turned to be shown, as EXIF counts, 1 to 8;
	// 0 where it does not say. From 5 on a viewer shows Height as the width.
	Width, Height, Orientation int

	Metadata Metadata
	Trailing int64 // bytes that came after the end of the file's format, and were cut
}

// cleaner walks one format. step looks at what comes next (peek, need), says what is to
// become of it (copy, cut, blank and so on, one after the other), and may emit bytes, which
// go before that. It is called again when all of it is done, and returns io.EOF where the
// file may end.
type cleaner interface {
	step(f *Filter) error
}

// Filter reads a file and yields it without its metadata. It is an io.Reader.
type Filter struct {
	// Static after NewFilter.
	source io.Reader
	keep   bool

	// What was read and not used yet is buffer[from:to]. sourceErr is how the source ended.
	buffer    []byte
	from, to  int
	sourceErr error

	cleaner cleaner // nil: nothing was looked at yet
	err     error   // how the file ended, once it did
	result  Result

	// What is to be done, after what is in out is given away.
	tasks []task
	out   []byte
	held  []byte // what gather gathers
}

// NewFilter returns a Filter of a source that is at the beginning of a file.
func NewFilter(source io.Reader, o Options) *Filter {
	return &Filter{source: source, keep: o.KeepMetadata}
}

// Type returns what the file is, by its first bytes, which it reads.
func (f *Filter) Type() (Type, error) {
	if f.cleaner == nil && f.err == nil {
		f.begin()
	}
	if f.result.Type == "" {
		return "", f.err
	}
	return f.result.Type, nil
}

func (f *Filter) begin() {
	f.buffer = make([]byte, bufferBytes)
	head, err := f.peek(sniffBytes)
	if err != nil {
		f.err = err
		return
	}
	f.result.Type = Sniff(head)
	f.cleaner, f.result.Metadata = cleanerOf(f.result.Type)
}

// Result returns what is known of the file: all of it once Read returned io.EOF.
func (f *Filter) Result() Result { return f.result }

// Read implements io.Reader. Its error is io.EOF, ErrBroken, ErrUnclean, or the source's own.
func (f *Filter) Read(p []byte) (int, error) {
	if f.cleaner == nil && f.err == nil {
		f.begin()
	}
	for len(p) > 0 && f.err == nil {
		if len(f.out) > 0 {
			n := copy(p, f.out)
			f.out = f.out[n:]
			return n, nil
		}
		var n int
		switch {
		case len(f.tasks) == 0:
			f.out = f.out[:0]
			f.err = f.cleaner.step(f)
		case f.tasks[0].left == 0:
			f.tasks = slices.Delete(f.tasks, 0, 1)
		default:
			n, f.err = f.work(p, &f.tasks[0])
		}
		if n > 0 {
			return n, nil
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return 0, f.err
}

// peek returns the next n bytes without using them, fewer where the source ends. n is at
// most bufferBytes.
func (f *Filter) peek(n int) ([]byte, error) {
	for f.to-f.from < n && f.sourceErr == nil {
		if f.from > 0 && len(f.buffer)-f.from < n {
			f.to = copy(f.buffer, f.buffer[f.from:f.to])
			f.from = 0
		}
		f.fill()
	}
	if f.sourceErr != nil && f.sourceErr != io.EOF && f.to-f.from < n {
		return nil, f.sourceErr
	}
	return f.buffer[f.from:min(f.to, f.from+n)], nil
}

// need returns the next n bytes, or ErrBroken where the file ends before.
func (f *Filter) need(n int) ([]byte, error) {
	b, err := f.peek(n)
	if err == nil && len(b) < n {
		err = ErrBroken
	}
	return b, err
}

// fill reads once from the source. A reader that gives nothing again and again has no end.
func (f *Filter) fill() {
	const tries = 100
	if f.from == f.to {
		f.from, f.to = 0, 0
	}
	for range tries {
		n, err := f.source.Read(f.buffer[f.to:])
		f.to += n
		f.sourceErr = err
		if n > 0 || err != nil {
			return
		}
	}
	f.sourceErr = io.ErrNoProgress
}
