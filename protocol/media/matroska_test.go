package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

// element is one of WebM. A size of 4 bytes is what most software writes.
func element(id string, content ...[]byte) []byte {
	c := join(content...)
	return join([]byte(id), be32(len(c)|0x10000000), c)
}

var (
	ebmlHead   = element("\x1A\x45\xDF\xA3", element("\x42\x82", []byte("webm")))
	webmTracks = element("\x16\x54\xAE\x6B", []byte("tracks"))
	webmInfo   = element("\x15\x49\xA9\x66", element("\xBF", []byte("sum4")), element("\x2A\xD7\xB1", []byte("scale")), element("\x7B\xA9", []byte(secret)),
		element("\x44\x61", []byte("12345678")), element("\x73\xA4", []byte("segment "+secret)), join([]byte("\x73\x84\x40"), []byte{byte(len(secret))}, []byte(secret)))
	unknownSize = []byte{0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
)

// chattyWebM has tags and attachments; live, it does not say how long it is, as browsers
// record it.
func chattyWebM(live bool) []byte {
	block := element("\xA3", pixels)
	tags := join(element("\x10\x43\xA7\x70", []byte("chapter "+secret)), element("\x12\x54\xC3\x67", []byte("LOCATION "+secret)), element("\x19\x41\xA4\x69", []byte("cover "+secret)), element("\xEC", []byte(secret)))
	if live {
		return join(ebmlHead, []byte("\x18\x53\x80\x67"), unknownSize, webmInfo, webmTracks, tags, []byte("\x1F\x43\xB6\x75"), unknownSize, element("\xE7", []byte{1}), block,
			[]byte("\x1F\x43\xB6\x75"), unknownSize, element("\xE7", []byte{2}), block)
	}
	return join(ebmlHead, element("\x18\x53\x80\x67", webmInfo, webmTracks, element("\x1F\x43\xB6\x75", element("\xE7", []byte{1}), block), tags), []byte(secret))
}

func TestWebMLosesItsMetadata(t *testing.T) {
	for _, live := range []bool{false, true} {
		file := chattyWebM(live)
		out, r := cleaned(t, file)
		silent(t, "WebM", out)
		if bytes.Contains(out, []byte("12345678")) || bytes.Contains(out, []byte("sum4")) {
			t.Error("it says when it was made, or a sum of what is gone")
		}
		if !bytes.Contains(out, pixels) || !bytes.Contains(out, webmTracks) || !bytes.Contains(out, []byte("scale")) {
			t.Error("the media have changed")
		}
		if r.Type != media.WebM || r.Metadata != media.Cut || len(out)+int(r.Trailing) != len(file) || (r.Trailing == 0) != live {
			t.Errorf("live %v: %d bytes of %d, %+v", live, len(out), len(file), r)
		}
		walkElements(t, out)
	}
}

// walkElements follows the elements of a file, as a player does, and fails where one does
// not end where it says.
func walkElements(t *testing.T, b []byte) {
	t.Helper()
	enter := map[uint32]bool{0x18538067: true, 0x1549A966: true, 0x1F43B675: true}
	for at := 0; at < len(b); {
		idBytes := leading(b[at])
		id := uint32(0)
		for _, c := range b[at : at+idBytes] {
			id = id<<8 | uint32(c)
		}
		at += idBytes
		n := leading(b[at])
		var whole [8]byte
		copy(whole[8-n:], b[at:at+n])
		size := binary.BigEndian.Uint64(whole[:]) & (1<<(7*n) - 1)
		at += n
		if !enter[id] {
			at += int(size)
		}
		if at > len(b) {
			t.Fatalf("element %x ends at %d of %d", id, at, len(b))
		}
	}
}

func leading(b byte) (n int) {
	for n = 1; n < 9 && b&(0x80>>(n-1)) == 0; n++ {
	}
	return n
}

// A void element has a shorter number than what it replaces: each way to write the length
// must come out as long as it was.
func TestWhatIsCutOfWebMKeepsItsLength(t *testing.T) {
	for _, n := range []int{0, 1, 123, 124, 125, 126, 127, 16380, 16381, 16382, 16383, 20000} {
		for sizeBytes := 1; sizeBytes <= 8; sizeBytes++ {
			if sizeBytes < 8 && n >= 1<<(7*sizeBytes)-1 {
				continue
			}
			size := binary.BigEndian.AppendUint64(nil, uint64(n)|1<<(7*sizeBytes))[8-sizeBytes:]
			for _, id := range []string{"\xBF", "\x53\x78", "\x22\xB5\x9C", "\x12\x54\xC3\x67"} {
				file := join(ebmlHead, []byte("\x18\x53\x80\x67"), unknownSize, []byte(id), size, make([]byte, n), webmTracks)
				out, _ := cleaned(t, file)
				if len(out) != len(file) || !bytes.HasSuffix(out, webmTracks) {
					t.Fatalf("%x with %d bytes: %d of %d", id, n, len(out), len(file))
				}
				walkElements(t, out)
			}
		}
	}
}

func TestBrokenWebMIsRefused(t *testing.T) {
	good := chattyWebM(false)
	good = good[:len(good)-len(secret)]
	for name, file := range map[string][]byte{
		"cut":                     good[:len(good)-1],
		"its head alone":          ebmlHead,
		"a script after the head": join(ebmlHead, []byte("<script>")),
		"an element beyond":       join(ebmlHead, element("\x18\x53\x80\x67", []byte("\xA3\x88xx")), []byte("12345678")),
		"no length":               join(ebmlHead, []byte("\x18\x53\x80\x67"), unknownSize, []byte("\xA3\xFF")),
		"no number":               join(ebmlHead, []byte("\x18\x53\x80\x67"), unknownSize, []byte{0, 0, 0, 0}),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}
