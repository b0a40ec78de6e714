package media

import (
	"bytes"
	"encoding/binary"
)

// jpegCleaner cuts what a picture needs not to be shown: of the application segments only
// JFIF without its thumbnail, the colour profile, Adobe's transform, and the orientation stay.
type jpegCleaner struct {
	started bool

	pieces, of byte // of the colour profile, that have come, and that there are
}

const (
	markSOI   = 0xD8
	markEOI   = 0xD9
	markSOS   = 0xDA
	markTEM   = 0x01
	markJPG   = 0xC8
	markDQT   = 0xDB
	markDNL   = 0xDC
	markDRI   = 0xDD
	markAPP0  = 0xE0
	markAPP1  = 0xE1
	markAPP2  = 0xE2
	markAPP14 = 0xEE
	markAPP15 = 0xEF
	markCOM   = 0xFE

	jfifBytes  = 14 // of a JFIF segment, without a thumbnail
	adobeBytes = 12
	iccBytes   = 14   // of a piece of a colour profile, before its content
	acspAt     = 36   // where a profile says that it is one
	garbageMax = 4096 // what is between two segments, as careless software leaves it
)

var (
	iccHeader  = []byte("ICC_PROFILE\x00")
	jfifHeader = []byte("JFIF\x00")
	acsp       = []byte("acsp")
)

func indexFF(b []byte) int { return bytes.IndexByte(b, 0xFF) }

func (c *jpegCleaner) step(f *Filter) error {
	if !c.started {
		c.started = true
		f.copy(2)
		return nil
	}
	marker, err := c.marker(f)
	if err != nil || marker == 0 {
		return err
	}
	switch {
	case marker == markEOI:
		if f.result.Width == 0 {
			return ErrBroken
		}
		f.emit(0xFF, markEOI)
		f.drainAfter(2)
		return nil
	case marker == markTEM || marker >= 0xD0 && marker <= 0xD7:
		f.copy(2)
		return nil
	case marker < 0xC0 || marker == markSOI:
		return ErrBroken
	}
	return c.segment(f, marker)
}

// marker returns the next marker, or 0 and lets what is before it be skipped: fill bytes,
// and what does not belong there.
func (c *jpegCleaner) marker(f *Filter) (byte, error) {
	b, err := f.need(2)
	switch {
	case err != nil:
		return 0, err
	case b[0] == 0xFF && b[1] == 0xFF:
		f.skip(1)
	case b[0] == 0xFF && b[1] != 0:
		return b[1], nil
	default:
		garbage, err := f.peek(garbageMax)
		if err != nil {
			return 0, err
		}
		n := 1 + indexFF(garbage[1:])
		if n == 0 {
			return 0, ErrBroken
		}
		f.skip(int64(n))
	}
	return 0, nil
}

// segment decides what becomes of a segment that has a length.
func (c *jpegCleaner) segment(f *Filter, marker byte) error {
	head, err := f.need(4)
	if err != nil {
		return err
	}
	length := int(binary.BigEndian.Uint16(head[2:])) - 2
	if length < 0 {
		return ErrBroken
	}
	start, err := f.need(4 + min(length, jfifBytes))
	if err != nil {
		return err
	}
	content, whole := start[4:], int64(4+length)
	switch {
	case marker == markSOS:
		if f.result.Width == 0 { // no frame was announced
			return ErrBroken
		}
		f.copy(whole)
		f.scan()
	case marker == markAPP0 && bytes.HasPrefix(content, jfifHeader) && length >= jfifBytes:
		jfif := bytes.Clone(content)
		jfif[12], jfif[13] = 0, 0 // of the thumbnail
		if length > jfifBytes {
			f.found()
		}
		f.segment(markAPP0, jfif)
		f.skip(whole)
	case marker == markAPP1 && bytes.HasPrefix(content, []byte(exifHeader)):
		orientation, err := f.peekOrientation(4+len(exifHeader), int64(length-len(exifHeader)))
		if err != nil {
			return err
		}
		if f.orient(orientation) {
			f.segment(markAPP1, append([]byte(exifHeader), smallExif(orientation)...))
		}
		f.cut(whole)
	case marker == markAPP2 && bytes.HasPrefix(content, iccHeader):
		if mine, err := c.profile(f, length); err != nil {
			return err
		} else if mine {
			f.copy(whole)
		} else {
			f.cut(whole)
		}
	case marker == markAPP14 && bytes.HasPrefix(content, []byte("Adobe")) && length >= adobeBytes:
		f.segment(markAPP14, content[:adobeBytes])
		f.skip(whole)
	case marker >= markAPP0 && marker <= markAPP15 || marker == markCOM:
		f.cut(whole)
	case (marker > 0xCF || marker == markJPG) && marker != markDQT && marker != markDNL && marker != markDRI:
		f.cut(whole) // reserved, or of other kinds of JPEG: it could hold anything
	default:
		if marker <= 0xCF && marker != 0xC4 && marker != 0xCC && length >= 5 {
			f.size(int(binary.BigEndian.Uint16(content[3:])), int(binary.BigEndian.Uint16(content[1:])))
		}
		f.copy(whole)
	}
	return nil
}

// profile reports whether the next segment is the next piece of the colour profile: of one, in
// order, and none that only begins as a profile's piece does.
func (c *jpegCleaner) profile(f *Filter, length int) (bool, error) {
	b, err := f.need(4 + min(length, iccBytes+acspAt+len(acsp)))
	if err != nil || length < iccBytes {
		return false, err
	}
	content := b[4:]
	piece, of := content[iccBytes-2], content[iccBytes-1]
	switch {
	case piece != c.pieces+1 || piece > of || c.of > 0 && of != c.of:
		return false, nil
	case piece == 1 && !bytes.HasSuffix(content, acsp):
		return false, nil
	}
	c.pieces, c.of = piece, of
	return true, nil
}

// segment emits a segment of a JPEG.
func (f *Filter) segment(marker byte, content []byte) {
	length := len(content) + 2
	f.emit(0xFF, marker, byte(length>>8), byte(length))
	f.emit(content...)
}
