package media_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

// Pictures of one pixel as encoders write them.
var (
	lossyWebP    = must(base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"))
	losslessWebP = must(base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="))
	lossyChunk   = lossyWebP[12:]
)

func riffChunk(name string, content []byte) []byte {
	return join([]byte(name), le32(len(content)), content, make([]byte, len(content)&1))
}

func riff(kind string, chunks ...[]byte) []byte {
	c := join(chunks...)
	return join([]byte("RIFF"), le32(len(c)+4), []byte(kind), c)
}

func vp8x(flags byte, width, height int) []byte {
	return riffChunk("VP8X", join([]byte{flags, 0, 0, 0}, le32(width - 1)[:3], le32(height - 1)[:3]))
}

const webpICC, webpAlpha, webpEXIF, webpXMP, webpAnimation = 0x20, 0x10, 0x08, 0x04, 0x02

func cameraWebP(orientation int, picture []byte) []byte {
	return join(riff("WEBP", vp8x(webpICC|webpEXIF|webpXMP, 640, 480), riffChunk("ICCP", []byte("colours")), picture,
		riffChunk("EXIF", tiff(binary.LittleEndian, orientation)), riffChunk("XMP ", []byte(xmp)), riffChunk("SECR", []byte(secret))), []byte(secret))
}

// chunksOf returns the chunks of a file by name, and fails where it has none.
func chunksOf(t *testing.T, file []byte) map[string][]byte {
	t.Helper()
	if len(file) < 12 || int(binary.LittleEndian.Uint32(file[4:])) != len(file)-8 {
		t.Fatalf("the file says that it has %d bytes, and has %d", binary.LittleEndian.Uint32(file[4:])+8, len(file))
	}
	all := map[string][]byte{}
	for b := file[12:]; len(b) > 0; {
		n := int(binary.LittleEndian.Uint32(b[4:]))
		all[string(b[:4])] = b[8 : 8+n]
		b = b[8+n+n&1:]
	}
	return all
}

func TestWebPLosesItsMetadata(t *testing.T) {
	for _, header := range [][]byte{nil, []byte("Exif\x00\x00")} {
		for orientation := range 9 {
			file := riff("WEBP", vp8x(webpICC|webpEXIF|webpXMP, 640, 480), riffChunk("ICCP", []byte("colours")), lossyChunk,
				riffChunk("EXIF", join(header, tiff(binary.LittleEndian, orientation))), riffChunk("XMP ", []byte(xmp)), riffChunk("SECR", []byte(secret)))
			out, r := cleaned(t, join(file, []byte(secret)))
			silent(t, "WebP", out)
			chunks := chunksOf(t, out)
			if !bytes.Equal(chunks["VP8 "], lossyChunk[8:]) || string(chunks["ICCP"]) != "colours" || chunks["VP8X"][0] != webpICC|webpEXIF || chunks["XMP "] != nil {
				t.Errorf("chunks: %q", chunks)
			}
			exif := chunks["EXIF"]
			if len(exif) < 26 || !bytes.HasPrefix(exif, []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03")) || int(exif[19]) != max(1, orientation) {
				t.Errorf("%d: EXIF is %x", orientation, exif)
			}
			if r.Width != 640 || r.Height != 480 || r.Orientation != orientation || r.Metadata != media.Cut || r.Trailing != int64(len(secret)) || r.Type != media.WebP {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestSimpleWebPStaysAsItIs(t *testing.T) {
	for name, file := range map[string][]byte{"lossy": lossyWebP, "lossless": losslessWebP, "large": riff("WEBP", vp8x(webpAlpha, 1<<24, 1), lossyChunk)} {
		out, r := cleaned(t, file)
		if !bytes.Equal(out, file) || r.Metadata != media.None || r.Height != 1 || name != "large" && r.Width != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestFramesOfAMovingWebPAreCleaned(t *testing.T) {
	frame := func(chunks ...[]byte) []byte {
		return riffChunk("ANMF", join(append([][]byte{make([]byte, 16)}, chunks...)...))
	}
	file := riff("WEBP", vp8x(webpAnimation, 7, 9), riffChunk("ANIM", make([]byte, 6)), frame(lossyChunk, riffChunk("SECR", []byte(secret))), frame(lossyChunk))
	out, r := cleaned(t, file)
	silent(t, "WebP", out)
	if len(out) != len(file) || bytes.Count(out, lossyChunk) != 2 || r.Width != 7 || r.Height != 9 || r.Metadata != media.Cut {
		t.Errorf("%+v", r)
	}
}

func TestWAVLosesItsMetadata(t *testing.T) {
	sound := riffChunk("data", bytes.Repeat([]byte{1, 2, 3}, 30_001))
	file := riff("WAVE", riffChunk("fmt ", make([]byte, 16)), riffChunk("LIST", []byte("INFO"+secret)), riffChunk("bext", []byte(secret)), sound)
	out, r := cleaned(t, file)
	silent(t, "WAV", out)
	if len(out) != len(file) || !bytes.Contains(out, sound) || r.Type != media.WAV || r.Metadata != media.Cut || r.Width != 0 {
		t.Errorf("%+v", r)
	}
}

func TestBrokenRIFFIsRefused(t *testing.T) {
	for name, file := range map[string][]byte{
		"cut":                    lossyWebP[:len(lossyWebP)-3],
		"its header alone":       lossyWebP[:12],
		"a chunk beyond the end": riff("WEBP", lossyChunk, []byte("SECR\xFF\xFF\x00\x00")),
		"no picture":             riff("WEBP", riffChunk("XMP ", []byte(xmp))),
		"a length of nothing":    []byte("RIFF\x00\x00\x00\x00WEBP"),
		"a frame beyond its own": riff("WEBP", vp8x(webpAnimation, 7, 9), riffChunk("ANMF", join(make([]byte, 16), []byte("VP8 \xFF\x00\x00\x00"), make([]byte, 20)))),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}
