package media_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

// plain is a writer that does not read by itself, as a file does not.
type plain struct{ io.Writer }

// BenchmarkFilter compares what comes through a Filter with a copy of the same bytes.
func BenchmarkFilter(b *testing.B) {
	noise := noise(1, 8<<20)
	photo := jpegOf(picture(2000, 1500))
	for _, c := range []struct {
		name string
		file []byte
	}{
		{"copy", photo}, {"JPEG", join(cameraJPEG(binary.BigEndian, 6)[:2], exifSegment(binary.BigEndian, 6), photo[2:])}, {"PNG", pngOf(picture(1500, 1000))},
		{"MP4", join(box("ftyp", []byte("isom"), be32(0)), box("moov", track("vide")), box("mdat", noise))},
		{"PDF", join([]byte("%PDF-"), noise)}, {"GIF", gifOf(300)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			buffer := make([]byte, 32<<10)
			for b.Loop() {
				var source io.Reader = struct{ io.Reader }{bytes.NewReader(c.file)}
				if c.name != "copy" {
					source = media.NewFilter(source, media.Options{})
				}
				if _, err := io.CopyBuffer(plain{io.Discard}, source, buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
