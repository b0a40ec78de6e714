package disk_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/persist/blob/blobtest"
)

// BenchmarkPut compares what a blob costs with a file that nobody flushes to the disk.
func BenchmarkPut(b *testing.B) {
	content := blobtest.Random(1, 25<<20)
	source := func() io.Reader { return struct{ io.Reader }{bytes.NewReader(content)} }
	b.Run("blob", func(b *testing.B) {
		s := open(b, b.TempDir())
		b.SetBytes(int64(len(content)))
		for i := 0; b.Loop(); i++ {
			if _, err := s.Put(b.Context(), fmt.Sprintf("k%d", i%4), source(), blob.SizeUnknown, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("file", func(b *testing.B) {
		dir := b.TempDir()
		b.SetBytes(int64(len(content)))
		for i := 0; b.Loop(); i++ {
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("k%d", i%4)))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{f}, source(), make([]byte, 32<<10)); err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
