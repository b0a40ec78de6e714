package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/caravan-chat/caravan/protocol/media"
)

// secret stands for what nobody may learn: it is part of all metadata that tests make.
const secret = "48.8584N 2.2945E"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func be32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
func le32(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// picture is one of which every pixel differs.
func picture(width, height int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(i*7 + i/251)
	}
	return m
}

// tiff is EXIF data as cameras write it: a first directory with make, orientation, date and
// pointers, the one of EXIF with a maker note, the one of GPS, and a thumbnail's directory.
func tiff(order binary.AppendByteOrder, orientation int) []byte {
	t := tiffWriter{order: order}
	t.b = append(t.b, map[bool]string{true: "MM\x00*", false: "II*\x00"}[order == binary.AppendByteOrder(binary.BigEndian)]...)
	t.u32(8)
	const short, ascii, long, rational, undefined = 3, 2, 4, 5, 7
	first := t.directory(6)
	t.ascii(&first, 0x010F, "SECRET Camera Maker "+secret)
	t.ascii(&first, 0x0110, "Model "+secret)
	t.entry(&first, 0x0112, short, 1, orientation)
	t.ascii(&first, 0x0132, "2026:07:14 12:00:00 "+secret)
	exif, gps := t.pointer(&first, 0x8769), t.pointer(&first, 0x8825)
	t.point(exif)
	second := t.directory(2)
	t.ascii(&second, 0x9003, "2026:07:14 "+secret)
	t.data(&second, 0x927C, undefined, bytes.Repeat([]byte("MakerNote "+secret), 5))
	t.point(gps)
	third := t.directory(2)
	t.entry(&third, 1, ascii, 2, 'N')
	t.data(&third, 2, rational, []byte("lat lon degrees "+secret+"......"))
	t.point(first.next)
	fourth := t.directory(1)
	t.data(&fourth, 0x0201, long, append([]byte("thumbnail "), secret...))
	return t.b
}

// tiffWriter writes directories of which each has room for a number of entries.
type tiffWriter struct {
	order binary.AppendByteOrder
	b     []byte
}

type tiffDirectory struct{ at, next int }

func (t *tiffWriter) u16(v int) { t.b = t.order.AppendUint16(t.b, uint16(v)) }
func (t *tiffWriter) u32(v int) { t.b = t.order.AppendUint32(t.b, uint32(v)) }

func (t *tiffWriter) directory(entries int) tiffDirectory {
	t.u16(entries)
	at := len(t.b)
	t.b = append(t.b, make([]byte, 12*entries+4)...)
	return tiffDirectory{at, at + 12*entries}
}

func (t *tiffWriter) entry(d *tiffDirectory, tag, typ, count, value int) {
	e := t.order.AppendUint16(nil, uint16(tag))
	e = t.order.AppendUint16(e, uint16(typ))
	e = t.order.AppendUint32(e, uint32(count))
	if typ == 3 {
		e = t.order.AppendUint16(e, uint16(value))
	} else {
		e = t.order.AppendUint32(e, uint32(value))
	}
	copy(t.b[d.at:], e)
	d.at += 12
}

func (t *tiffWriter) data(d *tiffDirectory, tag, typ int, content []byte) {
	t.entry(d, tag, typ, len(content), len(t.b))
	t.b = append(t.b, content...)
}

func (t *tiffWriter) ascii(d *tiffDirectory, tag int, text string) {
	t.data(d, tag, 2, append([]byte(text), 0))
}

// pointer makes an entry that point fills in.
func (t *tiffWriter) pointer(d *tiffDirectory, tag int) (at int) {
	t.entry(d, tag, 4, 1, 0)
	return d.at - 4
}

func (t *tiffWriter) point(at int) { copy(t.b[at:], t.order.AppendUint32(nil, uint32(len(t.b)))) }

// jpegSegment is a segment with a length.
func jpegSegment(marker byte, content ...[]byte) []byte {
	c := join(content...)
	return join([]byte{0xFF, marker}, be16(len(c)+2), c)
}

func jpegOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withSegments puts segments behind the first two bytes of a JPEG.
func withSegments(file []byte, segments ...[]byte) []byte {
	return join(file[:2], join(segments...), file[2:])
}

func exifSegment(order binary.AppendByteOrder, orientation int) []byte {
	return jpegSegment(0xE1, []byte("Exif\x00\x00"), tiff(order, orientation))
}

const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>` + secret + `</exif:GPSLatitude></x:xmpmeta>`

func pngChunk(name string, content []byte) []byte {
	b := join([]byte(name), content)
	return join(be32(len(content)), b, be32(int(crc32.ChecksumIEEE(b))))
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const pngHeadBytes = 8 + 12 + 13 // signature and IHDR

// withChunks puts chunks behind the header of a PNG, and others before its end.
func withChunks(file []byte, first, last []byte) []byte {
	return join(file[:pngHeadBytes], first, file[pngHeadBytes:len(file)-12], last, file[len(file)-12:])
}

func gifOf(frames int) []byte {
	g := &gif.GIF{LoopCount: 3}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.Black, color.White, color.Gray{128}})
		for j := range m.Pix {
			m.Pix[j] = byte((i + j) % 3)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 5)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// clean filters a file in one go.
func clean(file []byte, o media.Options) ([]byte, media.Result, error) {
	f := media.NewFilter(bytes.NewReader(file), o)
	out, err := io.ReadAll(f)
	return out, f.Result(), err
}

// cleaned filters a file in pieces of many sizes, which must not matter.
func cleaned(t testing.TB, file []byte) ([]byte, media.Result) {
	t.Helper()
	out, result, err := clean(file, media.Options{})
	if err != nil {
		t.Fatalf("%v, after %d bytes", err, len(out))
	}
	sameInPieces(t, file, out, result, nil)
	return out, result
}

// sameInPieces holds a Filter to the same outcome, however the file comes and is read.
func sameInPieces(t testing.TB, file, want []byte, wantResult media.Result, wantErr error) {
	t.Helper()
	for name, pieces := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "with the end": iotest.DataErrReader,
		"big steps": func(r io.Reader) io.Reader { return r },
	} {
		f := media.NewFilter(pieces(bytes.NewReader(file)), media.Options{})
		out, err := readBySteps(f, map[string]int{"byte by byte": 7, "big steps": 50_000}[name])
		if !bytes.Equal(out, want) || f.Result() != wantResult || !errors.Is(err, wantErr) {
			t.Fatalf("%s: %d bytes and not %d, %+v and not %+v, %v and not %v", name, len(out), len(want), f.Result(), wantResult, err, wantErr)
		}
	}
}

func readBySteps(r io.Reader, step int) (out []byte, err error) {
	p := make([]byte, max(step, 512))
	if step > 0 {
		p = p[:step]
	}
	for {
		n, err := r.Read(p)
		if out = append(out, p[:n]...); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
	}
}

// silent fails if a file tells a secret.
func silent(t testing.TB, name string, out []byte) {
	t.Helper()
	for _, word := range []string{secret, "SECRET", "MakerNote", "thumbnail"} {
		if i := bytes.Index(out, []byte(word)); i >= 0 {
			t.Errorf("%s: %q at %d of %d bytes", name, word, i, len(out))
		}
	}
}

// samePixels compares what two files show.
func samePixels(t testing.TB, name string, a, b []byte) {
	t.Helper()
	before, _, err := image.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatalf("%s: before: %v", name, err)
	}
	after, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: after: %v", name, err)
	}
	if before.Bounds() != after.Bounds() {
		t.Fatalf("%s: %v and %v", name, before.Bounds(), after.Bounds())
	}
	for y := before.Bounds().Min.Y; y < before.Bounds().Max.Y; y++ {
		for x := before.Bounds().Min.X; x < before.Bounds().Max.X; x++ {
			if before.At(x, y) != after.At(x, y) {
				t.Fatalf("%s: the pixel at %d, %d differs", name, x, y)
			}
		}
	}
}

// sameSize compares a result with the size that the header has.
func sameSize(t testing.TB, name string, file []byte, r media.Result) {
	t.Helper()
	c, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || c.Width != r.Width || c.Height != r.Height {
		t.Errorf("%s: %d × %d, and the header has %d × %d, %v", name, r.Width, r.Height, c.Width, c.Height, err)
	}
}
