package media_test

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"reflect"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

func gifDecode(file []byte) (image.Image, error) { return gif.Decode(bytes.NewReader(file)) }

// subBlocks is data as GIF has it: in pieces, and an empty one.
func subBlocks(data []byte) (b []byte) {
	for len(data) > 0 {
		n := min(len(data), 255)
		b = append(append(b, byte(n)), data[:n]...)
		data = data[n:]
	}
	return append(b, 0)
}

// chattyGIF is a moving picture with comments, XMP, and a page behind it.
func chattyGIF() []byte {
	file := gifOf(3)
	head := 13 + 3<<(file[10]&7+1)*int(file[10]>>7)
	return join(file[:head],
		[]byte("!\xFE"), subBlocks([]byte("<script>"+secret+"</script>")),
		[]byte("!\xFF\x0BXMP DataXMP"), subBlocks(bytes.Repeat([]byte(xmp), 3)),
		[]byte("!\xFF\x0AXMP DataXM"), subBlocks([]byte(xmp)),
		[]byte("!\xFF\x0BICCRGBG1012"), subBlocks([]byte("colours")),
		[]byte("!\x01\x0C"), make([]byte, 12), subBlocks([]byte("a text: "+secret)),
		[]byte("!\xFF\x0BNETSCAPE2.0"), join([]byte{3, 1, 0, 0}, subBlocks([]byte(secret))),
		file[head:],
		[]byte("<html><script>alert('"+secret+"')</script>"))
}

func TestGIFLosesItsMetadata(t *testing.T) {
	file := chattyGIF()
	out, r := cleaned(t, file)
	silent(t, "GIF", out)
	sameSize(t, "GIF", file, r)
	if r.Metadata != media.Cut || r.Trailing == 0 || !bytes.Contains(out, []byte("ICCRGBG1012\x07colours")) {
		t.Errorf("%+v", r)
	}
	before, after := must(gif.DecodeAll(bytes.NewReader(file))), must(gif.DecodeAll(bytes.NewReader(out)))
	if !reflect.DeepEqual(before, after) {
		t.Error("it shows something else")
	}
}

func TestBrokenGIFIsRefused(t *testing.T) {
	good := gifOf(2)
	for name, file := range map[string][]byte{
		"a script that begins as a GIF": []byte("GIF89a=1;alert(document.cookie)//<html>"),
		"a comment of JavaScript":       []byte("GIF89a/*\x00\x00\x00\x00\x00*/=1;alert(1)"),
		"a page after the magic":        []byte("GIF87a<!DOCTYPE html><script>alert(1)</script>"),
		"its header alone":              good[:13],
		"no end":                        good[:len(good)-1],
		"cut":                           good[:len(good)/2],
	} {
		out, r, err := clean(file, media.Options{})
		if !errors.Is(err, media.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		sameInPieces(t, file, out, r, err)
	}
}
