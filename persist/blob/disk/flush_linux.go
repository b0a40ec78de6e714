package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// startFlush has the disk begin to write a part of a file, and does not wait for it. It is no
// promise: Sync waits for the whole file, and has the less to wait for.
func startFlush(f *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE) // where it fails, Sync does it all, or fails
}
