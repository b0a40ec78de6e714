package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"testing"
	"testing/iotest"

	"github.com/caravan-chat/caravan/protocol/media"
)

// pieces gives a file in pieces of which each is as long as the one byte after the other says.
type pieces struct {
	file, lengths []byte
	at            int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.file) == 0 {
		return 0, io.EOF
	}
	n := len(b)
	if len(p.lengths) > 0 {
		n = min(n, 1+int(p.lengths[p.at%len(p.lengths)])*16)
		p.at++
	}
	n = copy(b[:n], p.file)
	p.file = p.file[n:]
	return n, nil
}

// FuzzFilter holds a Filter to what is true of any file: it ends as one of its errors says,
// however the file comes; what it yields is not longer; what it yields stays as it is when
// it is filtered again, and shows the same.
func FuzzFilter(f *testing.F) {
	for _, file := range [][]byte{
		cameraJPEG(binary.BigEndian, 6), cameraPNG(6), chattyGIF(), cameraWebP(6, lossyChunk), losslessWebP, cameraHEIC("heic", 6, false), cameraHEIC("avif", 1, false), cameraHEIC("heic", 1, true),
		cameraMOV(true), cameraMOV(false), chattyWebM(false), chattyWebM(true), riff("WAVE", riffChunk("fmt ", make([]byte, 16))), tiff(binary.BigEndian, 3), []byte("text"), archive("a"),
	} {
		f.Add(file, []byte{0, 3, 1})
	}
	f.Fuzz(func(t *testing.T, file, lengths []byte) {
		out, result, err := clean(file, media.Options{})
		if err != nil && !errors.Is(err, media.ErrBroken) && !errors.Is(err, media.ErrUnclean) {
			t.Fatal(err)
		}
		for _, source := range []io.Reader{&pieces{file: file, lengths: lengths}, iotest.OneByteReader(bytes.NewReader(file))} {
			f := media.NewFilter(source, media.Options{})
			other, otherErr := readBySteps(f, len(lengths))
			if !bytes.Equal(other, out) || f.Result() != result || !errors.Is(otherErr, err) {
				t.Fatalf("in pieces: %d bytes and not %d, %+v and not %+v, %v and not %v", len(other), len(out), f.Result(), result, otherErr, err)
			}
		}
		kept, keptResult, keptErr := clean(file, media.Options{KeepMetadata: true})
		if keptErr == nil && !bytes.Equal(kept, file) || !bytes.HasPrefix(file, kept) {
			t.Fatalf("kept: %d bytes of %d, %v", len(kept), len(file), keptErr)
		}
		if err != nil {
			return
		}
		if keptErr != nil || keptResult.Type != result.Type || keptResult.Width != result.Width || keptResult.Orientation != result.Orientation {
			t.Fatalf("kept: %v, %+v and not %+v", keptErr, keptResult, result)
		}
		if int64(len(out))+result.Trailing > int64(len(file)) {
			t.Fatalf("%d bytes of %d, and %d cut behind", len(out), len(file), result.Trailing)
		}
		again, _, err := clean(out, media.Options{})
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("filtered again: %d bytes of %d, %v", len(again), len(out), err)
		}
		sameShown(t, file, out, result)
	})
}

// sameShown compares what a decoder makes of a file before and after.
func sameShown(t *testing.T, file, out []byte, r media.Result) {
	if r.Type != media.JPEG && r.Type != media.PNG && r.Type != media.GIF {
		return
	}
	before, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return
	}
	if before.Width != r.Width || before.Height != r.Height {
		t.Fatalf("%d × %d, and the header has %d × %d", r.Width, r.Height, before.Width, before.Height)
	}
	if before.Width*before.Height > 1<<16 {
		return
	}
	if _, _, err := image.Decode(bytes.NewReader(file)); err == nil {
		samePixels(t, string(r.Type), file, out)
	}
}
