package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

func box(name string, content ...[]byte) []byte {
	c := join(content...)
	return join(be32(len(c)+8), []byte(name), c)
}

// longBox is one whose length has 8 bytes.
func longBox(name string, content []byte) []byte {
	return join(be32(1), []byte(name), binary.BigEndian.AppendUint64(nil, uint64(len(content)+16)), content)
}

func fullBox(name string, version byte, content ...[]byte) []byte {
	return box(name, []byte{version, 0, 0, 0}, join(content...))
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b) // never fails
	return b
}

var (
	pixels = noise(1, 500)
	exifOf = func(orientation int) []byte {
		return join(be32(6), []byte("Exif\x00\x00"), tiff(binary.BigEndian, orientation))
	}
)

// item is one of a HEIC file. Where it is comes later.
type item struct {
	id       int
	kind     string
	more     string // of its entry
	content  []byte
	inMeta   bool
	location []byte // overrides the true one
}

// heic lays out a file: ftyp, meta, mdat; or mdat first.
func heic(brand string, items []item, properties [][]byte, mediaFirst bool) []byte {
	ftyp := box("ftyp", []byte(brand), be32(0), []byte("mif1"), []byte(brand))
	var idat, mdat []byte
	for _, it := range items {
		if it.inMeta {
			idat = append(idat, it.content...)
		} else {
			mdat = append(mdat, it.content...)
		}
	}
	build := func(mediaAt int) []byte {
		infe, iloc := be16(len(items)), join([]byte{0x44, 0x00}, be16(len(items)))
		inIdat := 0
		for _, it := range items {
			infe = append(infe, fullBox("infe", 2, be16(it.id), be16(0), []byte(it.kind), []byte("\x00"+it.more))...)
			method, at := 0, mediaAt
			if it.inMeta {
				method, at = 1, inIdat
				inIdat += len(it.content)
			} else {
				mediaAt += len(it.content)
			}
			location := join(be16(1), be32(at), be32(len(it.content)))
			if it.location != nil {
				location = it.location
			}
			iloc = append(iloc, join(be16(it.id), be16(method), be16(0), location)...)
		}
		ipma := be32(1)
		ipma = append(ipma, join(be16(1), []byte{byte(len(properties))})...)
		for i := range properties {
			ipma = append(ipma, byte(i+1))
		}
		return fullBox("meta", 0, fullBox("hdlr", 0, be32(0), []byte("pict"), make([]byte, 13)), fullBox("pitm", 0, be16(1)),
			fullBox("iinf", 0, infe), box("iprp", box("ipco", properties...), fullBox("ipma", 0, ipma)), box("idat", idat),
			box("uuid", []byte(secret)), fullBox("iloc", 1, iloc))
	}
	if mediaFirst {
		return join(ftyp, box("mdat", mdat), build(len(ftyp)+8))
	}
	return join(ftyp, build(len(ftyp)+len(build(0))+8), box("mdat", mdat))
}

var (
	heicSize  = fullBox("ispe", 0, be32(4032), be32(3024))
	heicTurn  = box("irot", []byte{3})
	heicSaid  = fullBox("udes", 0, []byte("description "+secret))
	heicColor = box("colr", []byte("prof"), []byte("colours"))
)

func cameraHEIC(brand string, orientation int, mediaFirst bool) []byte {
	kind := map[bool]string{true: "av01", false: "hvc1"}[brand == "avif"]
	return heic(brand, []item{
		{id: 1, kind: kind, content: pixels},
		{id: 2, kind: "Exif", content: exifOf(orientation)},
		{id: 3, kind: "mime", more: "application/rdf+xml\x00", content: []byte(xmp)},
		{id: 4, kind: kind, content: noise(2, 70)}, // a smaller picture
		{id: 5, kind: "uri ", content: []byte(secret), inMeta: true},
	}, [][]byte{heicSize, heicTurn, heicColor, heicSaid}, mediaFirst)
}

func TestHEICAndAVIFLoseTheirMetadata(t *testing.T) {
	for brand, typ := range map[string]media.Type{"heic": media.HEIC, "avif": media.AVIF, "mif1": media.HEIF} {
		file := join(cameraHEIC(brand, 6, false), box("mpvd", []byte(secret)), []byte("PK\x03\x04\x14\x00\x00\x00"+secret))
		out, r := cleaned(t, file)
		silent(t, brand, out)
		if !bytes.Contains(out, pixels) || !bytes.Contains(out, noise(2, 70)) || !bytes.Contains(out, heicColor) || !bytes.Contains(out, heicTurn) {
			t.Errorf("%s: the picture has changed", brand)
		}
		want := media.Result{Type: typ, Width: 4032, Height: 3024, Orientation: 6, Metadata: media.Cut, Trailing: r.Trailing}
		if r != want || len(out) != len(cameraHEIC(brand, 6, false)) {
			t.Errorf("%s: %+v, %d bytes", brand, r, len(out))
		}
		if i := bytes.Index(out, []byte("\x00\x00\x00\x00MM\x00*")); i < 0 || out[i+4+19] != 6 {
			t.Errorf("%s: what is left of EXIF does not say how it is turned", brand)
		}
	}
}

func TestHEICInWhichItCannotBeCutIsRefused(t *testing.T) {
	picture := item{id: 1, kind: "hvc1", content: pixels}
	properties := [][]byte{heicSize}
	for name, file := range map[string][]byte{
		"metadata before it is known of": cameraHEIC("heic", 1, true),
		"without a length":               heic("heic", []item{picture, {id: 2, kind: "Exif", content: exifOf(1), location: join(be16(1), be32(900), be32(0))}}, properties, false),
		"a picture of an unknown kind":   heic("heic", []item{{id: 1, kind: "jpeg", content: pixels}}, properties, false),
		"a very long box":                heic("heic", []item{picture, {id: 2, kind: "uri ", content: make([]byte, 70_000), inMeta: true}}, properties, false),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrUnclean) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
	// With nothing to cut the order does not matter.
	file := heic("heic", []item{picture}, properties, true)
	if out, _ := cleaned(t, file); !bytes.Contains(out, pixels) {
		t.Error("the picture has changed")
	}
}

func TestBrokenHEICIsRefused(t *testing.T) {
	good := cameraHEIC("heic", 1, false)
	meta := bytes.Index(good, []byte("meta")) - 4
	for name, file := range map[string][]byte{
		"cut in the media":     good[:len(good)-1],
		"cut in meta":          good[:meta+100],
		"no meta":              box("ftyp", []byte("heic")),
		"two of them":          join(good, good[meta:]),
		"a box without length": join(good[:meta], be32(3), []byte("meta")),
		"no size":              heic("heic", []item{{id: 1, kind: "hvc1", content: pixels}}, nil, false),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}

// track is one of a video, which says when it was made.
func track(handler string) []byte {
	made := join(be32(0x5EC7E700), be32(0x5EC7E701))
	return box("trak", fullBox("tkhd", 0, made, make([]byte, 72)), box("edts", []byte("list")), box("udta", []byte(secret)), box("meta", []byte(secret)),
		box("mdia", fullBox("mdhd", 1, made, made, make([]byte, 20)), fullBox("hdlr", 0, be32(0), []byte(handler), make([]byte, 12), []byte(secret), []byte{0}), mediaOf(handler)))
}

// mediaOf is what a track says of its media, with the names of its camera.
func mediaOf(handler string) []byte {
	entry := join(make([]byte, 8), be32(0), []byte("MAKE"), make([]byte, 26), []byte("\x0BGoPro AVC "+secret+"     "), be32(0), box("colr", []byte("samples of "+handler)))
	if handler == "soun" {
		entry = join(make([]byte, 8), be32(0), []byte("MAKE"), be32(0), be32(0), box("esds", []byte("samples of soun")))
	}
	return box("minf", fullBox("vmhd", 1, make([]byte, 8)), fullBox("hdlr", 0, []byte("dhlralis"), make([]byte, 12), []byte(secret)),
		box("dinf", fullBox("dref", 0, be32(1), fullBox("alis", 0, []byte("/home/"+secret)))), box("udta", []byte(secret)),
		box("stbl", fullBox("stsd", 0, be32(1), box("avc1", entry), be32(0)), fullBox("stts", 0, be32(0)), box("uuid", []byte(xmp))))
}

// cameraMOV is a video as a telephone writes it: with the place in it twice.
func cameraMOV(movieFirst bool, more ...[]byte) []byte {
	made := join(be32(0x5EC7E700), be32(0x5EC7E701))
	movie := box("moov", fullBox("mvhd", 0, made, make([]byte, 88)), track("vide"), track("soun"), join(more...),
		box("udta", box("\xA9xyz", []byte("+48.8584+002.2945/"+secret))),
		box("meta", fullBox("keys", 0, []byte("com.apple.quicktime.location.ISO6709")), box("ilst", []byte(secret))))
	first, last := movie, box("mdat", pixels)
	if !movieFirst {
		first, last = longBox("mdat", pixels), movie
	}
	return join(box("ftyp", []byte("qt  "), be32(0)), box("wide"), box("free", []byte(secret)), box("uuid", []byte(xmp)), first, last)
}

func TestVideosLoseTheirMetadata(t *testing.T) {
	for _, movieFirst := range []bool{true, false} {
		file := join(cameraMOV(movieFirst), box("SEFT", []byte(secret)))
		out, r := cleaned(t, file)
		silent(t, "MOV", out)
		if bytes.Contains(out, []byte("\x5E\xC7\xE7")) {
			t.Error("it says when it was made")
		}
		for _, stays := range [][]byte{pixels, []byte("samples of vide"), []byte("samples of soun"), []byte("edts")} {
			if !bytes.Contains(out, stays) {
				t.Errorf("%.20q is gone", stays)
			}
		}
		if bytes.Contains(out, []byte("MAKE")) || bytes.Contains(out, []byte("GoPro")) {
			t.Error("it names its maker")
		}
		if len(out) != len(cameraMOV(movieFirst)) || r.Metadata != media.Cut || r.Type != media.QuickTime {
			t.Errorf("%d bytes, %+v", len(out), r)
		}
		if movieFirst && !bytes.Contains(out[len(out)-len(pixels):], pixels[:10]) {
			t.Error("the media have moved")
		}
	}
}

// Drones and action cameras write where they are into a track of its own.
func TestTracksThatMayTellPlacesAreSaid(t *testing.T) {
	for handler, want := range map[string]media.Metadata{"meta": media.Left, "text": media.Left, "sbtl": media.Left, "camm": media.Left, "vide": media.Cut, "tmcd": media.Left} {
		if _, r := cleaned(t, cameraMOV(true, track(handler))); r.Metadata != want {
			t.Errorf("%s: %v", handler, r.Metadata)
		}
	}
}

func TestMakersAreCutBehindLongHeaders(t *testing.T) {
	entry := join(make([]byte, 12), []byte("MAKE"), make([]byte, 26), []byte("\x0BGoPro AVC "+secret+"     "), be32(0))
	minf := box("minf", box("stbl", fullBox("stsd", 0, be32(1), longBox("avc1", entry))))
	hdlr := fullBox("hdlr", 0, be32(0), []byte("vide"), make([]byte, 13))
	out, r := cleaned(t, cameraMOV(true, box("trak", box("mdia", hdlr, minf))))
	silent(t, "a long header", out)
	if bytes.Contains(out, []byte("MAKE")) || bytes.Contains(out, []byte("GoPro")) || r.Metadata != media.Cut {
		t.Errorf("it names its maker, %+v", r)
	}
	if _, r := cleaned(t, cameraMOV(true, box("trak", box("mdia", minf, hdlr)))); r.Metadata != media.Left {
		t.Errorf("what the track is comes after its samples: %+v", r)
	}
}

func TestAVideoWithMediaToItsEnd(t *testing.T) {
	movie := box("moov", track("vide"))
	media1 := join(be32(0), []byte("mdat"), pixels)
	out, _ := cleaned(t, join(box("ftyp", []byte("isom"), be32(0)), movie, media1))
	if !bytes.HasSuffix(out, pixels) {
		t.Error("the media have changed")
	}
	if _, _, err := clean(join(box("ftyp", []byte("isom"), be32(0)), media1), media.Options{}); !errors.Is(err, media.ErrBroken) {
		t.Errorf("without a movie: %v", err)
	}
}

func TestFragmentsStay(t *testing.T) {
	file := join(box("ftyp", []byte("iso5"), be32(0)), box("moov", track("vide"), box("mvex", []byte("x"))), box("moof", []byte("one")), box("mdat", pixels), box("moof", []byte("two")), box("mdat", pixels))
	out, r := cleaned(t, file)
	if bytes.Count(out, pixels) != 2 || !bytes.Contains(out, []byte("moof")) || r.Trailing != 0 || r.Type != media.MP4 {
		t.Errorf("%+v", r)
	}
}

func TestFragmentsLoseTheirMetadata(t *testing.T) {
	traf := box("traf", fullBox("tfhd", 0, []byte("track")), box("udta", []byte(secret)), box("uuid", []byte(xmp)), fullBox("trun", 0, []byte("samples")))
	file := join(box("ftyp", []byte("iso5"), be32(0)), box("moov", track("vide"), box("mvex", []byte("x"))),
		fullBox("prft", 0, []byte("at "+secret)), box("moof", fullBox("mfhd", 0, be32(1)), box("meta", []byte(secret)), traf), box("mdat", pixels),
		fullBox("prft", 0, []byte("at "+secret)), box("moof", fullBox("mfhd", 0, be32(2)), traf), box("mdat", pixels))
	out, r := cleaned(t, file)
	silent(t, "fragments", out)
	if bytes.Count(out, pixels) != 2 || bytes.Count(out, []byte("samples")) < 2 || len(out) != len(file) || r.Metadata != media.Cut {
		t.Errorf("%d bytes of %d, %+v", len(out), len(file), r)
	}
}

func TestBrokenVideosAreRefused(t *testing.T) {
	good := cameraMOV(true)
	head := box("ftyp", []byte("isom"), be32(0))
	for name, file := range map[string][]byte{
		"cut in the media":          good[:len(good)-1],
		"its first box alone":       head,
		"a track beyond the movie":  join(head, box("moov", be32(1000), []byte("trak"), make([]byte, 40))),
		"a movie that is cut":       join(head, be32(1000), []byte("moov"), track("vide")),
		"a length below the header": join(head, box("moov", be32(4), []byte("trak"), make([]byte, 40))),
		"a header without times":    join(head, box("moov", fullBox("mvhd", 1, make([]byte, 9)))),
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}
