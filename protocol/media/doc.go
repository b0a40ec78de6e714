// Package media tells what a file is by its bytes, and takes out of it what its sender may
// not know of: where and when a photo was taken, by whose camera, and what else somebody
// hid in it. It decodes no pixel, holds no file in memory, and believes no name.
//
//	f := media.NewFilter(upload, media.Options{})
//	typ, err := f.Type()      // by the first bytes
//	io.Copy(destination, f)   // the cleaned file
//	f.Result()                // its size in pixels, and what became of its metadata
//
// Each format has a file: jpeg.go, png.go, gif.go, riff.go (WebP, WAV), box.go with
// heif.go (HEIC, AVIF, MP4, MOV), and matroska.go (WebM). Where a format can shrink, what
// is cut is left out. Where other parts of the file refer to bytes by their place, what is
// cut becomes zeros of the same length.
//
// A Filter belongs to one goroutine.
package media
