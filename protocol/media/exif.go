package media

import "encoding/binary"

const (
	tiffHeaderBytes = 8
	tiffEntryBytes  = 12
	tagOrientation  = 0x0112
	typeShort       = 3

	smallExifBytes = 26
)

// exifHeader is what comes before a TIFF structure in a JPEG, and with some software elsewhere.
const exifHeader = "Exif\x00\x00"

// peekOrientation reads how the picture must be turned out of EXIF data that begins after
// the next skip bytes and has n bytes: 1 to 8, or 0. It stands in the first directory, which
// cameras write first: what is beyond the buffer is not looked at.
func (f *Filter) peekOrientation(skip int, n int64) (int, error) {
	b, err := f.peek(int(min(int64(skip)+n, bufferBytes)))
	if err != nil {
		return 0, err
	}
	return orientationIn(b[min(skip, len(b)):]), nil
}

// orient notes how the picture must be turned, and reports whether the file must go on to
// say so: a picture that stands upright needs no word of it, and a second word is not heard.
func (f *Filter) orient(value int) bool {
	if value == 0 || f.result.Orientation != 0 {
		return false
	}
	f.result.Orientation = value
	return value > 1
}

// orientationIn returns the orientation that the first directory of a TIFF structure has,
// 1 to 8, or 0.
func orientationIn(b []byte) int {
	if len(b) < tiffHeaderBytes {
		return 0
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	first := uint64(order.Uint32(b[4:]))
	if first+2 > uint64(len(b)) {
		return 0
	}
	count := int(order.Uint16(b[first:]))
	for entry := b[first+2:]; count > 0 && len(entry) >= tiffEntryBytes; count-- {
		if order.Uint16(entry) == tagOrientation && order.Uint16(entry[2:]) == typeShort {
			if v := int(order.Uint16(entry[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 0
		}
		entry = entry[tiffEntryBytes:]
	}
	return 0
}

// smallExif is a TIFF structure that says the orientation alone.
func smallExif(value int) []byte {
	return []byte{'M', 'M', 0, '*', 0, 0, 0, tiffHeaderBytes, 0, 1, tagOrientation >> 8, tagOrientation & 0xFF, 0, typeShort,
		0, 0, 0, 1, 0, byte(value), 0, 0, 0, 0, 0, 0}
}

// blankExif gives out EXIF data of the orientation alone in place of the next n bytes.
func (f *Filter) blankExif(n int64, orientation int) {
	f.found()
	if n >= smallExifBytes {
		f.emit(smallExif(max(orientation, 1))...)
		f.skip(smallExifBytes)
		n -= smallExifBytes
	}
	f.blank(n)
}
