package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

var (
	iccProfile = jpegSegment(0xE2, []byte("ICC_PROFILE\x00\x01\x01"), profileOf("colours"))
	adobe      = jpegSegment(0xEE, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01"))
)

// profileOf is a colour profile with a text in it.
func profileOf(text string) []byte {
	return join(be32(40+len(text)), make([]byte, 32), []byte("acsp"), []byte(text))
}

// cameraJPEG is one as a telephone writes it, with all that may be in it.
func cameraJPEG(order binary.AppendByteOrder, orientation int) []byte {
	return join(withSegments(jpegOf(picture(40, 30)),
		jpegSegment(0xE0, []byte("JFIF\x00\x01\x02\x00\x00\x48\x00\x48\x02\x01"), []byte("SECRET")), // a thumbnail of 2 × 1
		jpegSegment(0xE0, []byte("JFXX\x00\x10"), []byte("thumbnail "+secret)),
		exifSegment(order, orientation),
		exifSegment(order, 3), // a second one
		jpegSegment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"), []byte(xmp)),
		jpegSegment(0xE1, []byte("http://ns.adobe.com/xmp/extension/\x00"), bytes.Repeat([]byte(xmp), 3)),
		iccProfile,
		jpegSegment(0xE2, []byte("MPF\x00MM\x00*\x00\x00\x00\x08"), []byte(secret)),
		jpegSegment(0xED, []byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00"), []byte("\x1C\x02\x5A"+secret)), // IPTC: the town
		jpegSegment(0xEF, []byte(secret)),
		jpegSegment(0xEB, []byte("JP"), []byte(secret)), // C2PA
		jpegSegment(0xFE, []byte("<script>alert('"+secret+"')</script>")),
	), jpegOf(picture(8, 8)), []byte(secret)) // a second picture, of which MPF tells
}

func TestJPEGLosesItsMetadata(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"big endian": binary.BigEndian, "little endian": binary.LittleEndian} {
		for orientation := range 10 {
			file := cameraJPEG(order, orientation)
			out, r := cleaned(t, file)
			silent(t, name, out)
			samePixels(t, name, file, out)
			sameSize(t, name, file, r)
			if !bytes.Contains(out, iccProfile) {
				t.Error("the colour profile is gone")
			}
			want := orientation
			if orientation < 1 || orientation > 8 { // no such: then the second one's is the first
				want = 3
			}
			if r.Orientation != want || r.Metadata != media.Cut || r.Type != media.JPEG || r.Trailing != int64(len(jpegOf(picture(8, 8)))+len(secret)) {
				t.Errorf("%s, %d: %+v", name, orientation, r)
			}
			if _, again := cleaned(t, out); want > 1 && again.Orientation != want {
				t.Errorf("%s: turned as %d, and then as %d", name, want, again.Orientation)
			}
		}
	}
}

// TestReservedSegmentsAreCut: no decoder knows them, so they could hold anything.
func TestReservedSegmentsAreCut(t *testing.T) {
	plain := jpegOf(picture(40, 30))
	for _, marker := range []byte{0xC8, 0xDE, 0xDF, 0xF0, 0xF4, 0xFD} {
		out, r := cleaned(t, withSegments(plain, jpegSegment(marker, []byte(secret))))
		if !bytes.Equal(out, plain) || r.Metadata != media.Cut {
			t.Errorf("%x: %d bytes, want %d, %+v", marker, len(out), len(plain), r)
		}
	}
}

// TestOnlyColourProfilesPassAsSuch: pieces of none, or of a second one, could hold anything.
func TestOnlyColourProfilesPassAsSuch(t *testing.T) {
	plain := jpegOf(picture(40, 30))
	piece := func(number, of byte, content []byte) []byte {
		return jpegSegment(0xE2, []byte("ICC_PROFILE\x00"), []byte{number, of}, content)
	}
	first, second := piece(1, 2, profileOf("colours")), piece(2, 2, []byte("more colours"))
	good := withSegments(plain, first, second)
	if out, r := cleaned(t, good); !bytes.Equal(out, good) || r.Metadata != media.None {
		t.Errorf("a profile of two pieces: %d bytes of %d, %+v", len(out), len(good), r)
	}
	for name, bad := range map[string][]byte{
		"a second profile": piece(1, 1, profileOf(secret)), "a piece again": piece(2, 2, []byte(secret)), "one too many": piece(3, 2, []byte(secret)),
		"of another number": piece(3, 3, []byte(secret)), "no number": jpegSegment(0xE2, []byte("ICC_PROFILE\x00")),
	} {
		if out, r := cleaned(t, withSegments(plain, first, second, bad)); !bytes.Equal(out, good) || r.Metadata != media.Cut {
			t.Errorf("%s: %d bytes, want %d, %+v", name, len(out), len(good), r)
		}
	}
	for name, bad := range map[string][]byte{
		"no profile": piece(1, 1, []byte(secret+secret+secret+secret)), "the second piece first": piece(2, 2, profileOf(secret)), "number zero": piece(0, 1, profileOf(secret)),
	} {
		if out, r := cleaned(t, withSegments(plain, bad)); !bytes.Equal(out, plain) || r.Metadata != media.Cut {
			t.Errorf("%s: %d bytes, want %d, %+v", name, len(out), len(plain), r)
		}
	}
}

// What was cleaned is clean: nothing is left to cut, and nothing changes.
func TestACleanFileStaysAsItIs(t *testing.T) {
	for name, file := range map[string][]byte{
		"JPEG": jpegOf(picture(40, 30)), "PNG": pngOf(picture(40, 30)), "GIF": gifOf(3),
		"JPEG with a profile": withSegments(jpegOf(picture(9, 9)), iccProfile, adobe),
	} {
		out, r := cleaned(t, file)
		if !bytes.Equal(out, file) || r.Metadata != media.None || r.Trailing != 0 || r.Orientation != 0 {
			t.Errorf("%s: %d bytes of %d, %+v", name, len(out), len(file), r)
		}
	}
	for name, file := range map[string][]byte{
		"JPEG": cameraJPEG(binary.BigEndian, 6), "PNG": cameraPNG(6), "GIF": chattyGIF(), "WebP": cameraWebP(6, lossyChunk), "HEIC": cameraHEIC("heic", 6, false),
		"MOV": cameraMOV(true), "WebM": chattyWebM(false),
	} {
		once, _ := cleaned(t, file)
		if twice, _ := cleaned(t, once); !bytes.Equal(once, twice) {
			t.Errorf("%s changes when it is cleaned again", name)
		}
	}
}

func TestKeptMetadataStays(t *testing.T) {
	for name, file := range map[string][]byte{
		"JPEG": cameraJPEG(binary.BigEndian, 6), "PNG": cameraPNG(6), "GIF": chattyGIF(), "WebP": cameraWebP(6, lossyChunk), "HEIC": cameraHEIC("heic", 6, false),
		"MOV": cameraMOV(true), "WebM": chattyWebM(true), "TIFF": tiff(binary.LittleEndian, 1),
	} {
		out, r, err := clean(file, media.Options{KeepMetadata: true})
		if err != nil || !bytes.Equal(out, file) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(out), len(file), err)
		}
		if without, _, _ := clean(file, media.Options{}); len(without) > 0 && r.Type.Image() && (r.Width == 0 || r.Orientation != 6) && name != "GIF" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestJPEGAsCarelessSoftwareLeavesIt(t *testing.T) {
	good := jpegOf(picture(40, 30))
	for name, file := range map[string][]byte{
		"no end":                   good[:len(good)-2],
		"half of the picture":      good[:len(good)*3/4],
		"fill bytes":               withSegments(good, []byte{0xFF, 0xFF, 0xFF}),
		"something between":        withSegments(good, jpegSegment(0xFE, nil), []byte{0, 1, 2, 0xFF, 0, 3}),
		"no EXIF in EXIF":          withSegments(good, jpegSegment(0xE1, []byte("Exif\x00\x00"))),
		"a short JFIF":             withSegments(good, jpegSegment(0xE0, []byte("JFIF\x00"))),
		"an empty segment":         withSegments(good, jpegSegment(0xE5)),
		"a directory far away":     withSegments(good, jpegSegment(0xE1, []byte("Exif\x00\x00MM\x00*\xFF\xFF\xFF\xFF"))),
		"a directory without end":  withSegments(good, jpegSegment(0xE1, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\xFF\xFF\x01\x12"))),
		"a restart after each row": withSegments(good, jpegSegment(0xDD, be16(0))),
	} {
		out, r := cleaned(t, file)
		if r.Width != 40 || r.Height != 30 || len(out) > len(file) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestBrokenJPEGIsRefused(t *testing.T) {
	good := jpegOf(picture(40, 30))
	for name, file := range map[string][]byte{
		"its first bytes alone":      good[:3],
		"the end comes at once":      {0xFF, 0xD8, 0xFF, 0xD9},
		"cut in a segment":           good[:30],
		"a length below two":         withSegments(good, []byte{0xFF, 0xE1, 0, 1}),
		"a script after the magic":   []byte("\xFF\xD8\xFF<script>alert(1)</script>"),
		"a script as a long comment": []byte("\xFF\xD8\xFF\xFE/*=alert(1)//"),
		"another beginning":          withSegments(good, []byte{0xFF, 0xD8}),
		"no frame before the scan":   join(good[:2], good[bytes.Index(good, []byte{0xFF, 0xDA}):]),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}
