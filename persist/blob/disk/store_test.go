package disk_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/persist/blob/blobtest"
	"github.com/caravan-chat/caravan/persist/blob/disk"
)

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Blob { return open(t, t.TempDir()) })
}

func open(t testing.TB, dir string) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// files returns the files below a directory.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFailedPutLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", bytes.NewReader(make([]byte, 100)), 99, ""); !errors.Is(err, blob.ErrSize) {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestOpenRemovesWhatNobodyWrites(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	leftover := filepath.Join(dir, "incoming", "LEFTOVER")
	if err := os.WriteFile(leftover, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A second process that starts must not take an upload that is under way for a leftover.
func TestOpenKeepsWhatSomebodyWrites(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(t.Context(), "k", r, blob.SizeUnknown, "")
		done <- err
	}()
	content := blobtest.Random(1, 100_000)
	if _, err := w.Write(content[:50_000]); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := w.Write(content[50_000:]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	o, err := s.Get(t.Context(), "k", blob.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Who moves here copies the blobs beside their directories, and they are found.
func TestOpenTakesWhatWasCopiedIn(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	copied := filepath.Join(dir, "blobs")
	for _, key := range []string{"a", "b", "0b5c3b0e-8e0f-4d6b-9f0e-000000000000"} {
		if err := os.WriteFile(filepath.Join(copied, key), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(copied, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	n := 0
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		o, err := s.Get(t.Context(), info.Key, blob.Whole)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o)
		if err := errors.Join(err, o.Close()); err != nil || string(got) != info.Key {
			t.Errorf("%s: %q, %v", info.Key, got, err)
		}
	}
	if n != 3 || len(files(t, dir)) != 4 {
		t.Errorf("%d blobs, files: %q", n, files(t, dir))
	}
}

func TestAnotherProcessSeesTheSame(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	if _, err := a.Put(t.Context(), "k", bytes.NewReader([]byte("x")), 1, ""); err != nil {
		t.Fatal(err)
	}
	o, err := b.Get(t.Context(), "k", blob.Whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.Close(), b.Delete(t.Context(), "k")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Get(t.Context(), "k", blob.Whole); !errors.Is(err, blob.ErrNotFound) {
		t.Error(err)
	}
}

// The file of an Object is at the first byte of the part, for who sends it without reading it.
func TestAnObjectHasItsFile(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Put(t.Context(), "k", bytes.NewReader([]byte("0123456789")), 10, ""); err != nil {
		t.Fatal(err)
	}
	o, err := s.Get(t.Context(), "k", blob.Range{Offset: 3, Length: 4})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.LimitReader(o.File, o.Part.Length))
	if err := errors.Join(err, o.Close()); err != nil || string(got) != "3456" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := o.File.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A link that leads out of the directory is not followed.
func TestNothingOutsideIsReached(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", bytes.NewReader([]byte("x")), 1, ""); err != nil {
		t.Fatal(err)
	}
	place := files(t, dir)[0]
	secret := filepath.Join(outside, "k")
	if err := errors.Join(os.WriteFile(secret, []byte("secret"), 0o600), os.Remove(place), os.Symlink(secret, place)); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Get(t.Context(), "k", blob.Whole); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("%v, %v", o, err)
	}
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if left := files(t, outside); len(left) != 1 {
		t.Errorf("outside: %q", left)
	}
}

func TestADirectoryThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "k", bytes.NewReader(nil), 0, ""); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("Put: %v", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("Check: %v", err)
	}
}

func TestOpenOfWhatIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if s, err := disk.Open(dir); !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%s: %v, %v", dir, s, err)
		}
	}
}

// TestWhoReadsChangesNothing: no directory is made, nothing is removed and nothing moved.
func TestWhoReadsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, none := range []string{dir, filepath.Join(dir, "none")} {
		if s, err := disk.OpenToRead(none); !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%v, %v", s, err)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
		t.Errorf("made: %v, %v", all, err)
	}
	writes := open(t, dir)
	if _, err := writes.Put(t.Context(), "k", bytes.NewReader([]byte("x")), 1, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"incoming/LEFTOVER", "blobs/copied"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	s, err := disk.OpenToRead(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for is, err := range s.List(t.Context(), "") {
		if err != nil || is.Key != "k" {
			t.Errorf("listed %v, %v", is, err)
		}
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("there are %q, and were %q", after, before)
	}
	if err := writes.RemoveLeftovers(); err != nil || len(files(t, dir)) != len(before)-1 {
		t.Errorf("what nobody writes stays: %q, %v", files(t, dir), err)
	}
}
