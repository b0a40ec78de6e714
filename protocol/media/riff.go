package media

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// riffCleaner walks WebP and WAV. The file's first bytes tell how long it is, so nothing can
// be left out: what is cut becomes zeros, under a name that nobody knows.
type riffCleaner struct {
	webp    bool
	started bool
	left    int64 // of the file, as its header says
	frame   int64 // of the frame of a moving picture that is being walked: it has chunks of its own
}

const (
	riffHeaderBytes = 12
	chunkHeadBytes  = 8
	webpFrameBytes  = 16 // of a frame's chunk, before its own chunks
	webpHeadBytes   = 10 // of a picture's chunk, with its size in pixels

	flagXMP = 0x04 // in the chunk VP8X
)

var (
	webpChunks = []string{"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ICCP"}
	wavChunks  = []string{"fmt ", "data", "fact", "cue ", "smpl"}
	unknown    = []byte("JUNK") // a chunk of this name is passed over
)

func (c *riffCleaner) step(f *Filter) error {
	if !c.started {
		return c.header(f)
	}
	if c.left == 0 {
		f.drain()
		return nil
	}
	head, err := f.need(chunkHeadBytes)
	if err != nil {
		return err
	}
	name, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
	whole, within := chunkHeadBytes+size+size&1, c.within()
	if whole > within {
		if whole--; whole != within || size&1 == 0 { // the last one may lack its pad, as careless software leaves it
			return ErrBroken
		}
	}
	if c.webp && f.result.Width == 0 {
		if err := f.webpSize(name, size); err != nil {
			return err
		}
	}
	return c.chunk(f, name, size, whole)
}

// header takes the length of the file. What comes after it is no part of it.
func (c *riffCleaner) header(f *Filter) error {
	b, err := f.need(riffHeaderBytes)
	if err != nil {
		return err
	}
	c.started = true
	if c.left = int64(binary.LittleEndian.Uint32(b[4:])) - 4; c.left < 0 {
		return ErrBroken
	}
	f.copy(riffHeaderBytes)
	return nil
}

// within returns how long a chunk may be.
func (c *riffCleaner) within() int64 {
	if c.frame > 0 {
		return c.frame
	}
	return c.left
}

func (c *riffCleaner) pass(n int64) {
	c.left -= n
	c.frame = max(0, c.frame-n)
}

// chunk decides what becomes of a chunk that has size bytes of content, and whole ones in all.
func (c *riffCleaner) chunk(f *Filter, name string, size, whole int64) error {
	kept := wavChunks
	if c.webp {
		kept = webpChunks
	}
	switch {
	case c.webp && name == "ANMF" && c.frame == 0 && size >= webpFrameBytes:
		c.left -= chunkHeadBytes + webpFrameBytes
		c.frame = whole - chunkHeadBytes - webpFrameBytes
		f.copy(chunkHeadBytes + webpFrameBytes)
		return nil
	case c.webp && name == "VP8X" && size >= webpHeadBytes:
		b, err := f.need(chunkHeadBytes + 1)
		if err != nil {
			return err
		}
		f.emit(b[:chunkHeadBytes]...)
		f.emit(b[chunkHeadBytes] &^ flagXMP)
		f.skip(chunkHeadBytes + 1)
		f.copy(whole - chunkHeadBytes - 1)
	case c.webp && name == "EXIF" && c.frame == 0:
		if err := c.exif(f, size, whole); err != nil {
			return err
		}
	case slices.Contains(kept, name):
		f.copy(whole)
	default:
		f.found()
		f.emit(unknown...)
		f.skip(int64(len(unknown)))
		f.copy(4) // the size
		f.blank(whole - chunkHeadBytes)
	}
	c.pass(whole)
	return nil
}

// exif leaves the chunk, which the file's flags announce, with the orientation alone.
func (c *riffCleaner) exif(f *Filter, size, whole int64) error {
	b, err := f.need(chunkHeadBytes + int(min(size, int64(len(exifHeader)))))
	if err != nil {
		return err
	}
	skip := 0
	if bytes.HasPrefix(b[chunkHeadBytes:], []byte(exifHeader)) {
		skip = len(exifHeader)
	}
	orientation, err := f.peekOrientation(chunkHeadBytes+skip, size-int64(skip))
	if err != nil {
		return err
	}
	f.orient(orientation)
	f.emit(b[:chunkHeadBytes]...)
	f.skip(chunkHeadBytes)
	f.blankExif(whole-chunkHeadBytes, orientation)
	return nil
}

// webpSize takes the size of the picture from its first chunk.
func (f *Filter) webpSize(name string, size int64) error {
	b, err := f.need(chunkHeadBytes + webpHeadBytes)
	if err != nil || size < webpHeadBytes {
		return ErrBroken
	}
	b = b[chunkHeadBytes:]
	switch name {
	case "VP8X":
		f.size(1+int(b[4])+int(b[5])<<8+int(b[6])<<16, 1+int(b[7])+int(b[8])<<8+int(b[9])<<16)
	case "VP8 ":
		const sizeBits = 1<<14 - 1 // the others say how it is scaled
		f.size(int(binary.LittleEndian.Uint16(b[6:]))&sizeBits, int(binary.LittleEndian.Uint16(b[8:]))&sizeBits)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(b[1:])
		f.size(1+int(bits&0x3FFF), 1+int(bits>>14&0x3FFF))
	}
	if f.result.Width == 0 {
		return ErrBroken
	}
	return nil
}
