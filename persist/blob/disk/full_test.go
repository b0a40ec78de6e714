package disk_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/persist/blob/blobtest"
)

// fillDisk lets the kernel refuse what this process writes beyond so many bytes of a file,
// as a full disk refuses it, until the function that it returns is called.
func fillDisk(t *testing.T, bytes uint64) (free func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(limit uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: before.Max}); err != nil {
			t.Error(err)
		}
	}
	set(bytes)
	free = func() { set(before.Cur) }
	t.Cleanup(free)
	return free
}

func TestAFullDiskIsNamedAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := blobtest.Random(1, 2<<20)
	put := func() error {
		_, err := s.Put(t.Context(), "k", bytes.NewReader(content), blob.SizeUnknown, "")
		return err
	}
	free := fillDisk(t, 1<<20)
	if err := put(); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Put: %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	free()
	if err := put(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
