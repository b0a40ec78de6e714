package s3

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/caravan-chat/caravan/persist/blob"
)

// spool is a temporary file, which ends with the process or before.
type spool struct{ *os.File }

func newSpool() (spool, error) {
	f, err := os.CreateTemp("", "caravan-upload-")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return spool{f}, spoolFault(err)
}

// Write writes to the file, and names what the disk says.
func (s spool) Write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	return n, spoolFault(err)
}

func spoolFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: the directory of temporary files: %w", blob.ErrFull, err)
	}
	return fmt.Errorf("%w: the directory of temporary files: %w", blob.ErrUnavailable, err)
}
