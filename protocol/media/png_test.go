package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/png"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

var pngProfile = pngChunk("iCCP", []byte("sRGB\x00\x00\x78\x9C\x03\x00\x00\x00\x00\x01"))

// cameraPNG has all that a PNG may tell.
func cameraPNG(orientation int) []byte {
	return join(withChunks(pngOf(picture(40, 30)), join(
		pngProfile,
		pngChunk("pHYs", []byte("\x00\x00\x0B\x13\x00\x00\x0B\x13\x01")),
		pngChunk("eXIf", tiff(binary.BigEndian, orientation)),
		pngChunk("tEXt", []byte("Comment\x00"+secret)),
		pngChunk("zTXt", []byte("Raw profile type exif\x00\x00"+secret)),
		pngChunk("iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmp)),
		pngChunk("caBX", []byte(secret)),
	), join(
		pngChunk("tIME", []byte{7, 234, 7, 14, 12, 0, 0}),
		pngChunk("tEXt", []byte("GPS\x00"+secret)),
		pngChunk("prVt", bytes.Repeat([]byte(secret), 10)),
	)), []byte("PK\x03\x04 a zip behind: "+secret))
}

func TestPNGLosesItsMetadata(t *testing.T) {
	for orientation := range 9 {
		file := cameraPNG(orientation)
		out, r := cleaned(t, file)
		silent(t, "PNG", out)
		samePixels(t, "PNG", file, out)
		sameSize(t, "PNG", file, r)
		if !bytes.Contains(out, pngProfile) || !bytes.Contains(out, []byte("pHYs")) {
			t.Error("the colour profile or the density is gone")
		}
		if r.Orientation != orientation || r.Metadata != media.Cut || r.Trailing == 0 {
			t.Errorf("%d: %+v", orientation, r)
		}
		if _, again := cleaned(t, out); orientation > 1 && again.Orientation != orientation {
			t.Errorf("turned as %d, and then as %d", orientation, again.Orientation)
		}
	}
}

func TestPNGOfManyKindsIsKept(t *testing.T) {
	grey, paletted := picture(33, 7), gifOf(1)
	frame := must(gifDecode(paletted))
	for name, file := range map[string][]byte{"colour": pngOf(grey), "palette": pngOf(frame)} {
		out, _ := cleaned(t, file)
		if !bytes.Equal(out, file) {
			t.Errorf("%s has changed", name)
		}
	}
}

func TestBrokenPNGIsRefused(t *testing.T) {
	good := pngOf(picture(40, 30))
	header := good[8:pngHeadBytes]
	for name, file := range map[string][]byte{
		"no header":            join(good[:8], good[pngHeadBytes:]),
		"two headers":          withChunks(good, header, nil),
		"cut in a chunk":       good[:len(good)/2],
		"no end":               good[:len(good)-12],
		"cut in the end":       good[:len(good)-1],
		"its signature alone":  good[:8],
		"a length beyond 2^31": withChunks(good, join([]byte{0xFF, 0xFF, 0xFF, 0xFF}, []byte("tEXt")), nil),
		"no width":             join(good[:8], pngChunk("IHDR", make([]byte, 13)), good[pngHeadBytes:]),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
	if _, err := png.Decode(bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
}
