// Package blobtest is what every store of files must do, as tests that each of them runs.
//
//	blobtest.Run(t, func(t testing.TB) blob.Blob { … })
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caravan-chat/caravan/persist/blob"
)

// Run tests a store; open returns one that is empty, of the test's own.
func Run(t *testing.T, open func(t testing.TB) blob.Blob) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, blob.Blob)
	}{
		{"GetReturnsWhatWasPut", getReturnsWhatWasPut},
		{"GetReturnsAPart", getReturnsAPart},
		{"PutReplaces", putReplaces},
		{"PutOfAWrongSizeStoresNothing", putOfAWrongSize},
		{"PutWhoseReaderFailsStoresNothing", putWhoseReaderFails},
		{"PutThatIsGivenUpStoresNothing", putThatIsGivenUp},
		{"PutTakesWhatComesByteByByte", putByteByByte},
		{"ReadersSeeOneBlobWhole", readersSeeOneWhole},
		{"DeleteRemoves", deleteRemoves},
		{"ListYieldsAll", listYieldsAll},
		{"ListGoesOnAfterAKey", listGoesOn},
		{"ListOfManyIsWhole", listOfMany},
		{"BadKeysAreRefused", badKeys},
		{"PresignedURLsServe", presigned},
		{"CheckIsContent", checkIsContent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const mime = "image/jpeg"

// sizes are around the buffers that a store may have.
var sizes = []int{0, 1, 4096, 32<<10 - 1, 32 << 10, 64<<10 + 1, 1 << 20, 5<<20 + 7, 11 << 20}

// Random returns so many bytes that no store can press together. The same seed gives the same.
func Random(seed uint64, size int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

func put(t testing.TB, b blob.Blob, key string, content []byte) {
	t.Helper()
	n, err := b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), mime)
	if err != nil || n != int64(len(content)) {
		t.Fatalf("Put of %d bytes: %d, %v", len(content), n, err)
	}
}

func get(t testing.TB, b blob.Blob, key string, part blob.Range) []byte {
	t.Helper()
	o, err := b.Get(t.Context(), key, part)
	if err != nil {
		t.Fatalf("Get %s %v: %v", key, part, err)
	}
	content, err := io.ReadAll(o)
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatalf("reading %s %v: %v", key, part, err)
	}
	if int64(len(content)) != o.Part.Length {
		t.Fatalf("%s %v: %d bytes, and %d were said", key, part, len(content), o.Part.Length)
	}
	return content
}

func absent(t testing.TB, b blob.Blob, key string) {
	t.Helper()
	if o, err := b.Get(t.Context(), key, blob.Whole); !errors.Is(err, blob.ErrNotFound) {
		if err == nil {
			err = o.Close()
		}
		t.Fatalf("Get of %s, which is not there: %v", key, err)
	}
}

func keys(t testing.TB, b blob.Blob, after string) (all []string) {
	t.Helper()
	for info, err := range b.List(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func getReturnsWhatWasPut(t *testing.T, b blob.Blob) {
	for i, size := range sizes {
		content := Random(uint64(i), size)
		put(t, b, "known", content)
		n, err := b.Put(t.Context(), "unknown", bytes.NewReader(content), blob.SizeUnknown, mime)
		if err != nil || n != int64(size) {
			t.Fatalf("Put of %d bytes: %d, %v", size, n, err)
		}
		for _, key := range []string{"known", "unknown"} {
			if got := get(t, b, key, blob.Whole); !bytes.Equal(got, content) {
				t.Errorf("%s, %d bytes: others come back", key, size)
			}
			o, err := b.Get(t.Context(), key, blob.Whole)
			if err != nil {
				t.Fatal(err)
			}
			if o.Key != key || o.Size != int64(size) || o.Modified.IsZero() {
				t.Errorf("%+v", o.Info)
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	absent(t, b, "other")
}

func getReturnsAPart(t *testing.T, b blob.Blob) {
	content := Random(1, 100_000)
	put(t, b, "k", content)
	put(t, b, "empty", nil)
	for _, r := range []struct{ offset, length, from, to int64 }{
		{0, -1, 0, 100_000}, {0, 100_000, 0, 100_000}, {0, 1, 0, 1}, {0, 0, 0, 0}, {99_999, -1, 99_999, 100_000}, {99_999, 1, 99_999, 100_000},
		{50_000, 10, 50_000, 50_010}, {50_000, -1, 50_000, 100_000}, {99_990, 1000, 99_990, 100_000}, {7, 65_536, 7, 65_543}, {99_000, 1 << 62, 99_000, 100_000},
	} {
		if got := get(t, b, "k", blob.Range{Offset: r.offset, Length: r.length}); !bytes.Equal(got, content[r.from:r.to]) {
			t.Errorf("%+v: %d bytes that are others", r, len(got))
		}
	}
	for _, r := range []blob.Range{{Offset: 100_000, Length: -1}, {Offset: 100_000, Length: 1}, {Offset: 1 << 62, Length: 1}, {Offset: -1, Length: 1}} {
		if _, err := b.Get(t.Context(), "k", r); !errors.Is(err, blob.ErrRange) {
			t.Errorf("%v: %v", r, err)
		}
	}
	if got := get(t, b, "empty", blob.Range{Length: 10}); len(got) != 0 {
		t.Errorf("%d bytes of an empty blob", len(got))
	}
	if _, err := b.Get(t.Context(), "empty", blob.Range{Offset: 1, Length: -1}); !errors.Is(err, blob.ErrRange) {
		t.Errorf("beyond an empty blob: %v", err)
	}
}

func putReplaces(t *testing.T, b blob.Blob) {
	for i := range 3 {
		content := Random(uint64(i), 1000*(3-i))
		put(t, b, "k", content)
		if !bytes.Equal(get(t, b, "k", blob.Whole), content) {
			t.Errorf("put %d: others come back", i)
		}
	}
	if all := keys(t, b, ""); !slices.Equal(all, []string{"k"}) {
		t.Errorf("listed: %q", all)
	}
}

func putOfAWrongSize(t *testing.T, b blob.Blob) {
	for _, size := range []int64{0, 1, 99, 101, 1 << 30} {
		_, err := b.Put(t.Context(), "k", bytes.NewReader(Random(1, 100)), size, mime)
		if !errors.Is(err, blob.ErrSize) {
			t.Errorf("100 bytes that were said to be %d: %v", size, err)
		}
	}
	_, err := b.Put(t.Context(), "k", bytes.NewReader(Random(1, 6<<20)), 6<<20-1, mime)
	if !errors.Is(err, blob.ErrSize) {
		t.Errorf("one byte over: %v", err)
	}
	nothing(t, b)
}

// nothing is how a store must look after every Put failed.
func nothing(t *testing.T, b blob.Blob) {
	t.Helper()
	absent(t, b, "k")
	if all := keys(t, b, ""); len(all) != 0 {
		t.Errorf("listed: %q", all)
	}
}

func putWhoseReaderFails(t *testing.T, b blob.Blob) {
	reason := errors.New("the client has left")
	for _, size := range []int{0, 10, 100_000, 6 << 20} {
		for _, said := range []int64{blob.SizeUnknown, int64(size) + 100} {
			r := io.MultiReader(bytes.NewReader(Random(1, size)), iotest.ErrReader(reason))
			_, err := b.Put(t.Context(), "k", r, said, mime)
			if !errors.Is(err, reason) || errors.Is(err, blob.ErrUnavailable) {
				t.Errorf("after %d bytes of %d: %v", size, said, err)
			}
		}
	}
	nothing(t, b)
	content := Random(2, 100)
	put(t, b, "k", content)
	if _, err := b.Put(t.Context(), "k", iotest.ErrReader(reason), blob.SizeUnknown, mime); !errors.Is(err, reason) {
		t.Error(err)
	}
	if !bytes.Equal(get(t, b, "k", blob.Whole), content) {
		t.Error("the blob that was there has changed")
	}
}

func putThatIsGivenUp(t *testing.T, b blob.Blob) {
	for _, size := range []int64{blob.SizeUnknown, 200_000} {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(bytes.NewReader(Random(1, 100_000)), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, nil
		}))
		if _, err := b.Put(ctx, "k", r, size, mime); !errors.Is(err, context.Canceled) {
			t.Errorf("size %d: %v", size, err)
		}
		if _, err := b.Get(ctx, "k", blob.Whole); !errors.Is(err, context.Canceled) {
			t.Errorf("Get: %v", err)
		}
		if err := b.Delete(ctx, "k"); !errors.Is(err, context.Canceled) {
			t.Errorf("Delete: %v", err)
		}
	}
	nothing(t, b)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func putByteByByte(t *testing.T, b blob.Blob) {
	content := Random(1, 100_000)
	for name, r := range map[string]io.Reader{
		"one":  iotest.OneByteReader(bytes.NewReader(content)),
		"half": iotest.HalfReader(bytes.NewReader(content)),
		"eof":  iotest.DataErrReader(bytes.NewReader(content)),
	} {
		if _, err := b.Put(t.Context(), name, r, blob.SizeUnknown, mime); err != nil {
			t.Fatal(name, err)
		}
		if !bytes.Equal(get(t, b, name, blob.Whole), content) {
			t.Errorf("%s: others come back", name)
		}
	}
}

func deleteRemoves(t *testing.T, b blob.Blob) {
	put(t, b, "a", []byte("a"))
	put(t, b, "b", []byte("b"))
	for range 2 {
		if err := b.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		absent(t, b, "a")
	}
	if all := keys(t, b, ""); !slices.Equal(all, []string{"b"}) {
		t.Errorf("listed: %q", all)
	}
}

func badKeys(t *testing.T, b blob.Blob) {
	for _, key := range []string{
		"", ".", "..", "../k", "a/b", "a/../b", "/etc/passwd", "a\\b", ".hidden", "-k", "k\x00", "k\n", "K", "ключ", "k k", "k%2f",
		strings.Repeat("k", blob.KeyBytesMax+1),
	} {
		_, putErr := b.Put(t.Context(), key, strings.NewReader("x"), 1, mime)
		_, getErr := b.Get(t.Context(), key, blob.Whole)
		_, presignErr := b.Presign(t.Context(), key, time24h, blob.Answer{})
		for _, err := range []error{putErr, getErr, b.Delete(t.Context(), key)} {
			if !errors.Is(err, blob.ErrKey) {
				t.Errorf("%q: %v", key, err)
			}
		}
		if !errors.Is(presignErr, blob.ErrKey) && !errors.Is(presignErr, blob.ErrNoURL) {
			t.Errorf("Presign %q: %v", key, presignErr)
		}
	}
	nothing(t, b)
	longest := strings.Repeat("k", blob.KeyBytesMax)
	for _, key := range []string{longest, "0", "0b5c3b0e-8e0f-4d6b-9f0e-000000000000.preview", "a..b", "a_b-c."} {
		put(t, b, key, []byte(key))
		if got := get(t, b, key, blob.Whole); string(got) != key {
			t.Errorf("%q: %q", key, got)
		}
	}
}

func checkIsContent(t *testing.T, b blob.Blob) {
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if all := keys(t, b, ""); len(all) != 0 {
		t.Errorf("listed after Check: %q", all)
	}
}
