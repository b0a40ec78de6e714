package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// boxCleaner walks the boxes of MP4, MOV and M4A, of HEIC and AVIF. Boxes refer to each other
// by their place in the file, so none moves: what is cut becomes a free box full of zeros.
type boxCleaner struct {
	image  bool    // the box meta tells the picture; elsewhere it is metadata
	at     int64   // how far the walk is
	inside []level // the boxes that are being walked
	track  string  // what the track is that is being walked
	told   bool    // the box that tells what is shown has been seen: meta, or moov
	until  int64   // where the last byte is of what it tells

	gathered int64    // readMeta has just been called with a box of so many bytes
	media    int64    // what is left of the box with the media, toTheEnd if it has no end
	extents  []extent // metadata in there, in the order of the file
	passed   int64    // where the last box with media ended
}

// level is a box that has boxes.
type level struct {
	name string
	left int64
}

// What is in a box is known by its name.
const (
	boxHeadBytes     = 8
	longBoxHeadBytes = 16
	metaBytesMax     = 64 << 10 // of the box meta of a picture, which is seen whole
	handlerBytesMax  = 256      // of a track's name that are looked at
	listHeadBytes    = 8        // of a box of boxes, with their number

	// Where in the description of samples an encoder's maker and name stand, behind the header.
	makerAt, makerBytes     = 12, 4
	encoderAt, encoderBytes = 42, 32
)

// kept are the boxes that go through, by the box that they are in; those of walked are
// looked into.
var (
	kept = map[string][]string{
		"":     {"ftyp", "styp", "wide", "sidx", "ssix", "pdin", "mfra", "pnot", "mdat"},
		"moov": {"mvhd", "mvex", "iods"},
		"trak": {"tkhd", "edts", "tref", "trgr", "tapt", "clip", "matt", "txas"},
		"mdia": {"mdhd", "hdlr", "elng"},
		"minf": {"vmhd", "smhd", "hmhd", "sthd", "nmhd", "gmhd", "hdlr"},
		"stbl": {"stts", "ctts", "cslg", "stsc", "stsz", "stz2", "stco", "co64", "stss", "stps", "stsh", "padb", "stdp", "sdtp", "sbgp", "sgpd", "subs", "saiz", "saio"},
		"moof": {"mfhd", "pssh"},
		"traf": {"tfhd", "tfdt", "trun", "sbgp", "sgpd", "subs", "saiz", "saio", "senc"},
	}
	walked = map[string]string{
		"moov": "", "trak": "moov", "mdia": "trak", "minf": "mdia", "dinf": "minf", "dref": "dinf", "stbl": "minf", "stsd": "stbl",
		"moof": "", "traf": "moof",
	}
	listed = []string{"dref", "stsd"} // boxes come after a number of them, and any name goes through
	filler = []string{"free", "skip"}
	hidden = []string{"free", "skip", "uuid", "meta", "udta", "prft"}
	timed  = []string{"mvhd", "tkhd", "mdhd"} // they begin with when they were made

	// shown are the tracks of which everything is seen or heard. Others may tell places.
	shown = []string{"vide", "soun", "auxv", "pict", "hint"}
)

// box is the header of a box.
type box struct {
	name       string
	head, size int64 // in bytes; size with the head
}

func (c *boxCleaner) step(f *Filter) error {
	switch {
	case c.gathered > 0:
		return c.readMeta(f)
	case c.media > 0:
		return c.passMedia(f)
	}
	for len(c.inside) > 0 && c.inside[len(c.inside)-1].left == 0 {
		c.inside = c.inside[:len(c.inside)-1]
	}
	if end, err := f.atEnd(); err != nil {
		return err
	} else if end {
		return endIf(c.complete() && len(c.inside) == 0)
	}
	if len(c.inside) > 0 && c.inside[len(c.inside)-1].left < boxHeadBytes { // QuickTime may end a list with a zero
		rest := c.inside[len(c.inside)-1].left
		f.blank(rest)
		c.pass(rest)
		return nil
	}
	b, err := c.next(f)
	if err != nil {
		return err
	}
	if b.size == 0 {
		if len(c.inside) > 0 || !c.complete() {
			return ErrBroken
		}
		f.drain()
		return nil
	}
	return c.box(f, b)
}

// complete reports whether the file may end here.
func (c *boxCleaner) complete() bool {
	return c.told && c.at >= c.until && (c.image || c.passed > 0)
}

// next returns the header of the next box, of size 0 where none begins here.
func (c *boxCleaner) next(f *Filter) (box, error) {
	head, err := f.peek(longBoxHeadBytes)
	if err != nil || len(head) < boxHeadBytes {
		return box{}, err
	}
	b := box{name: string(head[4:8]), head: boxHeadBytes, size: int64(binary.BigEndian.Uint32(head))}
	switch {
	case b.size == 0 && len(c.inside) == 0 && b.name == "mdat":
		b.size = toTheEnd
	case b.size == 1 && len(head) == longBoxHeadBytes:
		b.head, b.size = longBoxHeadBytes, int64(binary.BigEndian.Uint64(head[8:]))
	}
	if b.size < b.head || len(c.inside) > 0 && b.size > c.inside[len(c.inside)-1].left {
		return box{}, nil
	}
	return b, nil
}

// box decides what becomes of a box.
func (c *boxCleaner) box(f *Filter, b box) error {
	in := ""
	if len(c.inside) > 0 {
		in = c.inside[len(c.inside)-1].name
	}
	parent, walk := walked[b.name]
	switch {
	case walk && parent == in:
		return c.enter(f, b)
	case c.image && in == "" && b.name == "meta":
		if b.size > metaBytesMax {
			return ErrUnclean
		}
		c.gathered = b.size
		f.gather(b.size)
		return nil
	case in == "" && b.name == "mdat":
		c.pass(b.head)
		c.passed = c.at
		c.media = b.size - b.head
		if b.size == toTheEnd {
			c.media = toTheEnd
		}
		f.copy(b.head)
		return nil
	case slices.Contains(kept[in], b.name), slices.Contains(listed, in):
		if err := c.keep(f, b, in); err != nil {
			return err
		}
	case in == "" && c.complete() && !slices.Contains(hidden, b.name) && (c.passed > 0 || !printable(b.name)):
		f.drain() // it belongs to no such file, or nothing needs it
		return nil
	default:
		if err := f.hide(b, !slices.Contains(filler, b.name)); err != nil {
			return err
		}
	}
	c.pass(b.size)
	return nil
}

// enter lets the header of a box through, and has the boxes in it walked.
func (c *boxCleaner) enter(f *Filter, b box) error {
	switch {
	case slices.Contains(listed, b.name):
		b.head += listHeadBytes
	case b.name == "trak":
		c.track = ""
	case b.name == "minf" && c.track == "": // what the track is comes later: it is not known what its samples may tell
		f.result.Metadata = Left
	}
	if b.size < b.head {
		return ErrBroken
	}
	c.told = c.told || b.name == "moov" && !c.image
	c.pass(b.head)
	c.leave(b.size - b.head)
	c.inside = append(c.inside, level{b.name, b.size - b.head})
	f.copy(b.head)
	return nil
}

// printable reports whether a name is one that a person would give a box.
func printable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' })
}

// pass notes that so many bytes are dealt with.
func (c *boxCleaner) pass(n int64) {
	c.at += n
	c.leave(n)
}

// leave takes bytes off the boxes that are being walked: off the innermost, of which those
// around it know already.
func (c *boxCleaner) leave(n int64) {
	if last := len(c.inside) - 1; last >= 0 {
		c.inside[last].left -= n
	}
}

// keep lets a box through that is in another one, without what it says of a maker, a place on a
// disk, or a time.
func (c *boxCleaner) keep(f *Filter, b box, in string) error {
	maker, encoder := b.head+makerAt, b.head+encoderAt
	switch {
	case in == "dref":
		return f.copyBut(b.size, part{b.head + 4, b.size}) // after the version: where else the media are
	case in == "stsd" && (c.track == "vide" || c.track == "auxv" || c.track == "pict"):
		return f.copyBut(b.size, part{maker, maker + makerBytes}, part{encoder, encoder + encoderBytes})
	case in == "stsd" && c.track == "soun":
		return f.copyBut(b.size, part{maker, maker + makerBytes})
	case b.name == "hdlr":
		return c.keepHandler(f, b, in)
	case slices.Contains(timed, b.name):
		return keepTimed(f, b)
	}
	f.copy(b.size)
	return nil
}

// keepTimed lets a box through without when it was made.
func keepTimed(f *Filter, b box) error {
	head, err := f.need(int(b.head) + 1)
	if err != nil {
		return err
	}
	times := int64(8) // two of 4 bytes, or of 8 in version 1
	if head[b.head] == 1 {
		times = 16
	}
	if b.size < b.head+4+times {
		return ErrBroken
	}
	f.copy(b.head + 4)
	f.blank(times)
	f.copy(b.size - b.head - 4 - times)
	return nil
}

// keepHandler lets the box through that says what a track is, or how its data are had, without a
// name: software and cameras write theirs there.
func (c *boxCleaner) keepHandler(f *Filter, b box, in string) error {
	kind := b.head + 12 // where that ends
	if b.size < kind {
		f.copy(b.size)
		return nil
	}
	head, err := f.need(int(kind))
	if err != nil {
		return err
	}
	left := false
	if in == "mdia" {
		c.track = string(head[kind-4 : kind])
		left = !slices.Contains(shown, c.track)
	}
	rest, err := f.peek(int(min(b.size, kind+handlerBytesMax)))
	if err != nil {
		return err
	}
	if b.size > kind+handlerBytesMax || len(bytes.Trim(rest[kind:], "\x00")) > 0 {
		f.found()
	}
	if left {
		f.result.Metadata = Left
	}
	f.copy(kind)
	f.blank(b.size - kind)
	return nil
}

// hide makes a free box of a box, full of zeros.
func (f *Filter) hide(b box, metadata bool) error {
	head, err := f.need(int(b.head))
	if err != nil {
		return err
	}
	if metadata {
		f.found()
	}
	f.emit(head[:4]...)
	f.emit([]byte("free")...)
	f.emit(head[boxHeadBytes:]...)
	f.skip(b.head)
	f.blank(b.size - b.head)
	return nil
}

// passMedia lets a part of the media through, up to the next metadata in it, and blanks that.
func (c *boxCleaner) passMedia(f *Filter) error {
	for len(c.extents) > 0 && c.extents[0].end() <= c.at {
		c.extents = c.extents[1:]
	}
	part := c.media
	if len(c.extents) > 0 {
		e := c.extents[0]
		if e.offset <= c.at {
			return c.passExtent(f, e)
		}
		part = min(part, e.offset-c.at)
	}
	if part == toTheEnd {
		if !c.told {
			return ErrBroken
		}
		f.copyRest()
	} else {
		f.copy(part)
		c.media -= part
	}
	return c.mediaPassed(part)
}

func (c *boxCleaner) mediaPassed(n int64) error {
	if n < toTheEnd {
		c.at += n
	}
	c.passed = c.at
	return nil
}

// passExtent blanks metadata in the media.
func (c *boxCleaner) passExtent(f *Filter, e extent) error {
	n := min(e.end()-c.at, c.media)
	if !e.exif || c.at != e.offset || n < itemExifBytes+smallExifBytes {
		f.found()
		f.blank(n)
	} else if err := f.blankItemExif(n); err != nil {
		return err
	}
	if c.media != toTheEnd {
		c.media -= n
	}
	return c.mediaPassed(n)
}

// readMeta understands the box meta of a picture, and gives it out.
func (c *boxCleaner) readMeta(f *Filter) error {
	m := &metaBox{}
	if err := m.read(f.held[boxHeadBytes:]); err != nil {
		return err
	}
	if c.told { // a second one
		return ErrBroken
	}
	c.told, c.until = true, m.until
	c.at += c.gathered
	c.gathered = 0
	f.size(m.width, m.height)
	f.result.Orientation = m.orientation
	if m.found {
		f.found()
	}
	for _, e := range m.extents {
		if e.offset < c.passed {
			return ErrUnclean // it went out already
		}
	}
	c.extents = m.extents
	slices.SortFunc(c.extents, func(a, b extent) int { return int(min(max(a.offset-b.offset, -1), 1)) })
	f.emitHeld()
	return nil
}
