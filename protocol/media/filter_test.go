package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/caravan-chat/caravan/protocol/media"
)

// Of formats that nobody cleans a file says so, and goes through.
func TestWhatIsNotCleanedIsSaid(t *testing.T) {
	for _, file := range [][]byte{
		[]byte("%PDF-1.7\n/OpenAction << /JS (app.alert(1)) >>"), archive("a.txt"), archive("word/document.xml"), []byte("OggS\x00" + secret), []byte("ID3\x04" + secret), []byte("fLaC" + secret),
		[]byte("<svg><metadata>" + secret + "</metadata></svg>"), {0, 1, 2, 3},
	} {
		out, r := cleaned(t, file)
		if !bytes.Equal(out, file) || r.Metadata != media.Left {
			t.Errorf("%q: %+v", r.Type, r)
		}
	}
}

// An image of which nobody can cut the metadata is refused, raw ones of cameras too.
func TestUncleanableImagesAreRefused(t *testing.T) {
	for _, file := range [][]byte{tiff(binary.BigEndian, 1), []byte("\xFF\x0A" + secret), []byte("\x00\x00\x00\x0CJXL \r\n\x87\n" + secret), []byte("\xFF\x4F\xFF\x51" + secret)} {
		if out, r, err := clean(file, media.Options{}); !errors.Is(err, media.ErrUnclean) || len(out) > 0 || !r.Type.Image() {
			t.Errorf("%q: %d bytes, %v", r.Type, len(out), err)
		}
	}
}

func TestBMPEndsWhereItSays(t *testing.T) {
	file := join([]byte("BM"), le32(70), le32(0), le32(54), le32(40), le32(2), le32(-2), make([]byte, 44))
	out, r := cleaned(t, join(file, []byte("PK\x03\x04"+secret)))
	if !bytes.Equal(out, file) || r.Width != 2 || r.Height != 2 || r.Trailing == 0 {
		t.Errorf("%d bytes, %+v", len(out), r)
	}
}

// A picture that is an archive as well, or a page, is a picture alone afterwards.
func TestPolyglotsAreOneThing(t *testing.T) {
	hidden := join(archive("secret.txt="+secret), []byte("<script>alert('"+secret+"')</script>%PDF-1.7"))
	for name, file := range map[string][]byte{
		"JPEG": jpegOf(picture(9, 9)), "PNG": pngOf(picture(9, 9)), "GIF": gifOf(1), "WebP": lossyWebP,
		"JPEG with a comment": withSegments(jpegOf(picture(9, 9)), jpegSegment(0xFE, []byte("<html><script>"+secret))),
		"HEIC":                cameraHEIC("heic", 1, false), "MOV": cameraMOV(true), "WebM": chattyWebM(false),
	} {
		out, r := cleaned(t, join(file, hidden))
		silent(t, name, out)
		if bytes.Contains(out, []byte("<script>")) || bytes.Contains(out, []byte("PK\x05\x06")) || r.Trailing < int64(len(hidden)) {
			t.Errorf("%s: %d bytes cut, %d were behind", name, r.Trailing, len(hidden))
		}
	}
}

// What the source says is passed on as it is: it is no fault of the file.
func TestTheSourcesErrorIsPassedOn(t *testing.T) {
	reason := errors.New("the client has left")
	for name, file := range map[string][]byte{
		"JPEG": cameraJPEG(binary.BigEndian, 6), "PNG": cameraPNG(6), "GIF": chattyGIF(), "WebP": cameraWebP(6, lossyChunk), "HEIC": cameraHEIC("heic", 6, false), "MOV": cameraMOV(false), "WebM": chattyWebM(false),
	} {
		for cut := 0; cut < len(file); cut += 1 + len(file)/97 {
			f := media.NewFilter(io.MultiReader(bytes.NewReader(file[:cut]), iotest.ErrReader(reason)), media.Options{})
			_, err := io.ReadAll(f)
			if !errors.Is(err, reason) {
				t.Fatalf("%s, after %d of %d bytes: %v", name, cut, len(file), err)
			}
			if _, again := f.Read(make([]byte, 1)); !errors.Is(again, reason) {
				t.Fatalf("%s: read again: %v", name, again)
			}
		}
	}
	f := media.NewFilter(iotest.ErrReader(reason), media.Options{})
	if _, err := f.Type(); !errors.Is(err, reason) {
		t.Errorf("Type: %v", err)
	}
}

func TestAFileThatIsCutAnywhereIsRefused(t *testing.T) {
	for name, file := range map[string][]byte{
		"PNG": pngOf(picture(9, 9)), "GIF": gifOf(2), "WebP": lossyWebP, "HEIC": cameraHEIC("heic", 6, false), "MOV": cameraMOV(true), "WebM": chattyWebM(false)[:len(chattyWebM(false))-len(secret)],
	} {
		for cut := 12; cut < len(file); cut++ {
			if name == "WebM" && cut < 64 || len(file) > 2000 && cut%7 > 0 && cut < len(file)-20 {
				continue
			}
			if _, r, err := clean(file[:cut], media.Options{}); !errors.Is(err, media.ErrBroken) {
				t.Fatalf("%s: %d of %d bytes: %v, %+v", name, cut, len(file), err, r)
			}
		}
	}
}

func TestTypeIsToldBeforeTheFileIsRead(t *testing.T) {
	f := media.NewFilter(io.MultiReader(bytes.NewReader(jpegOf(picture(300, 300))[:5000]), iotest.ErrReader(errors.New("not yet"))), media.Options{})
	for range 2 {
		if typ, err := f.Type(); typ != media.JPEG || err != nil {
			t.Fatalf("%s, %v", typ, err)
		}
	}
	if n, err := f.Read(make([]byte, 10)); n == 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := f.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing asked: %d, %v", n, err)
	}
}

// Files that are longer than what a Filter holds of them.
func TestLargeFiles(t *testing.T) {
	long := bytes.Repeat([]byte(secret+" "), 6000)
	photo, drawing := jpegOf(picture(700, 500)), pngOf(picture(300, 200))
	part := long[:60_000]
	for name, file := range map[string][]byte{
		"JPEG": withSegments(photo, jpegSegment(0xE1, []byte("Exif\x00\x00"), tiff(binary.LittleEndian, 8), part), jpegSegment(0xE1, part), jpegSegment(0xE2, []byte("ICC_PROFILE\x00\x01\x01"), noise(1, 60_000))),
		"PNG":  withChunks(drawing, pngChunk("tEXt", long), pngChunk("eXIf", join(tiff(binary.LittleEndian, 8), long))),
		"GIF":  join(gifOf(200), long),
		"WebP": riff("WEBP", vp8x(webpEXIF, 9, 9), lossyChunk, riffChunk("EXIF", join(tiff(binary.LittleEndian, 8), long))),
		"HEIC": heic("heic", []item{{id: 1, kind: "hvc1", content: noise(3, 100_000)}, {id: 2, kind: "Exif", content: join(exifOf(8), long)}}, [][]byte{heicSize, box("irot", []byte{1})}, false),
		"MOV":  join(box("ftyp", []byte("qt  "), be32(0)), box("mdat", noise(3, 100_000)), box("moov", track("vide"), box("udta", long))),
		"WebM": join(ebmlHead, element("\x18\x53\x80\x67", webmTracks, element("\x1F\x43\xB6\x75", element("\xE7", []byte{1}), element("\xA3", noise(3, 100_000))), element("\x12\x54\xC3\x67", long))),
	} {
		out, r := cleaned(t, file)
		silent(t, name, out)
		if r.Type.Image() && name != "GIF" && r.Orientation != 8 {
			t.Errorf("%s: %+v", name, r)
		}
		switch name {
		case "JPEG", "PNG", "GIF":
			samePixels(t, name, file, out)
		case "HEIC", "MOV", "WebM":
			if !bytes.Contains(out, noise(3, 100_000)) {
				t.Errorf("%s: what is shown has changed", name)
			}
		}
	}
}

// endless is a source that must not be held in memory.
type endless struct {
	head []byte
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	e.left -= n
	return n, nil
}

func TestMemoryIsBounded(t *testing.T) {
	const length, most = 200 << 20, 1 << 20
	png := pngOf(picture(9, 9))
	for name, head := range map[string][]byte{
		"a scan":          jpegOf(picture(40, 30))[:1000],
		"a chunk":         join(png[:pngHeadBytes], be32(length-1000), []byte("tEXt")),
		"a picture":       join(png[:pngHeadBytes], be32(length-1000), []byte("IDAT")),
		"EXIF":            join([]byte("RIFF"), le32(length), []byte("WEBP"), vp8x(webpEXIF, 9, 9), []byte("EXIF"), le32(length-1000)),
		"a free box":      join(box("ftyp", []byte("isom"), be32(0)), be32(length-1000), []byte("free")),
		"what is behind":  jpegOf(picture(9, 9)),
		"text":            []byte("text"),
		"an unknown void": join(ebmlHead, []byte("\x18\x53\x80\x67"), unknownSize, []byte("\x12\x54\xC3\x67\x08\x0C\x00\x00\x00")),
	} {
		f := media.NewFilter(&endless{head, length}, media.Options{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := io.Copy(struct{ io.Writer }{io.Discard}, f)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > most {
			t.Errorf("%s: %d bytes of memory, %v", name, used, err)
		}
	}
}
