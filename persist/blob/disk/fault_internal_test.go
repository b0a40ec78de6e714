package disk

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/caravan-chat/caravan/persist/blob"
)

func TestFaultsHaveNames(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENOSPC: blob.ErrFull, syscall.EDQUOT: blob.ErrFull, syscall.EFBIG: blob.ErrFull,
		syscall.EIO: blob.ErrUnavailable, syscall.EROFS: blob.ErrUnavailable, syscall.EACCES: blob.ErrUnavailable,
		syscall.ENOENT: blob.ErrUnavailable, syscall.EMFILE: blob.ErrUnavailable,
	} {
		err := fault("put", &fs.PathError{Op: "write", Path: "k", Err: errno})
		if !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
		for _, other := range []error{blob.ErrFull, blob.ErrUnavailable, blob.ErrNotFound} {
			if other != want && errors.Is(err, other) {
				t.Errorf("%v: %v, too", errno, other)
			}
		}
	}
	if fault("put", nil) != nil {
		t.Error("no fault is one")
	}
}
