package media

import (
	"encoding/binary"
	"io"
)

// cleanerOf returns what walks files of a type, and what is to be said of their metadata
// where nothing is found.
func cleanerOf(t Type) (cleaner, Metadata) {
	switch t {
	case JPEG:
		return &jpegCleaner{}, None
	case PNG:
		return &pngCleaner{}, None
	case GIF:
		return &gifCleaner{}, None
	case WebP:
		return &riffCleaner{webp: true}, None
	case WAV:
		return &riffCleaner{}, None
	case HEIC, HEIF, AVIF:
		return &boxCleaner{image: true}, None
	case MP4, QuickTime, ThreeGP, M4A:
		return &boxCleaner{}, None
	case WebM, Matroska:
		return &matroskaCleaner{}, None
	case BMP:
		return &bmpCleaner{}, None
	case TIFF, JXL, JP2:
		return uncleanable{}, Left
	case Text, HTML, XML: // what is in them is their content
		return through{}, None
	}
	return through{}, Left
}

// through lets everything through.
type through struct{}

func (through) step(f *Filter) error {
	f.copyRest()
	return nil
}

// uncleanable lets everything through if the metadata is wanted, and nothing otherwise.
type uncleanable struct{}

func (uncleanable) step(f *Filter) error {
	if !f.keep {
		return ErrUnclean
	}
	f.copyRest()
	return nil
}

// bmpCleaner cuts what comes after the picture. There is no metadata.
type bmpCleaner struct{ started bool }

func (c *bmpCleaner) step(f *Filter) error {
	if c.started {
		f.drain()
		return nil
	}
	c.started = true
	b, err := f.need(26)
	if err != nil {
		return err
	}
	size, header := binary.LittleEndian.Uint32(b[2:]), binary.LittleEndian.Uint32(b[14:])
	if header < 40 || size < 26 {
		return ErrBroken
	}
	height := int32(binary.LittleEndian.Uint32(b[22:]))
	f.size(int(int32(binary.LittleEndian.Uint32(b[18:]))), int(max(height, -height))) // below zero: from the top down
	f.copy(int64(size))
	return nil
}

// atEnd reports whether the source ends here.
func (f *Filter) atEnd() (bool, error) {
	b, err := f.peek(1)
	return err == nil && len(b) == 0, err
}

// endIf ends the file where it may end, and where the source does.
func endIf(complete bool) error {
	if complete {
		return io.EOF
	}
	return ErrBroken
}
