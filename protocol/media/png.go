package media

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// pngCleaner lets the chunks through that a picture, moving or not, needs to be shown.
type pngCleaner struct {
	started, sized bool
}

const (
	pngSignature  = "\x89PNG\r\n\x1a\n"
	pngChunkMax   = 1<<31 - 1
	pngFrameBytes = 12 // of a chunk, beside its content: length, type, checksum
)

// pngChunks are those that change what is seen.
var pngChunks = []string{
	"IHDR", "PLTE", "IDAT", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI", "mDCv", "cLLi",
	"bKGD", "pHYs", "acTL", "fcTL", "fdAT",
}

func (c *pngCleaner) step(f *Filter) error {
	if !c.started {
		c.started = true
		f.copy(int64(len(pngSignature)))
		return nil
	}
	head, err := f.need(8)
	if err != nil {
		return err
	}
	length, name := int64(binary.BigEndian.Uint32(head)), string(head[4:])
	if length > pngChunkMax || !c.sized && name != "IHDR" {
		return ErrBroken
	}
	switch {
	case name == "IHDR":
		return c.header(f, length)
	case name == "IEND":
		f.chunk("IEND", nil)
		f.drainAfter(pngFrameBytes + length)
	case name == "eXIf":
		orientation, err := f.peekOrientation(8, length)
		if err != nil {
			return err
		}
		if f.orient(orientation) {
			f.chunk("eXIf", smallExif(orientation))
		}
		f.cut(pngFrameBytes + length)
	case slices.Contains(pngChunks, name):
		f.copy(pngFrameBytes + length)
	default:
		f.cut(pngFrameBytes + length)
	}
	return nil
}

func (c *pngCleaner) header(f *Filter, length int64) error {
	const headerBytes = 13
	b, err := f.need(8 + headerBytes)
	if err != nil {
		return err
	}
	width, height := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	if c.sized || length != headerBytes || width == 0 || height == 0 || width > pngChunkMax || height > pngChunkMax {
		return ErrBroken
	}
	c.sized = true
	f.size(int(width), int(height))
	f.copy(pngFrameBytes + length)
	return nil
}

// chunk emits a chunk of a PNG.
func (f *Filter) chunk(name string, content []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, name...), content...)
	f.emit(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))...)
}
